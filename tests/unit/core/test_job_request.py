"""Bad requests: every message names the field and the fix."""

import pytest

from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import parse_request

GOOD = {"input_uri": "s3://bucket/prompts.jsonl"}

BAD = [
    ({}, "input_uri", "is required"),
    ({"input_uri": None}, "input_uri", "is required"),
    ({"input_uri": ""}, "input_uri", "is required"),
    ({"retry_failed_of": "job-1"}, "retry_failed_of", "match"),
    ({"retry_failed_of": "s3://b/jobs/job-0123456789abcdef"}, "retry_failed_of", "match"),
    (GOOD | {"idempotency_key": "k" * 201}, "idempotency_key", "at most 200"),
    ({"inputuri": "s3://b/k"}, "inputuri", "Did you mean 'input_uri'?"),
    ({"input_uri": "/local/file"}, "input_uri", "s3://bucket/key"),
    ({"input_uri": "s3:///key"}, "input_uri", "s3://bucket/key"),
    (GOOD | {"output_uri": "http://x/y"}, "output_uri", "s3://bucket/key"),
    (GOOD | {"input_format": "xml"}, "input_format", "'openai_batch'"),
    (GOOD | {"sampling": {"max_tokns": 3}}, "sampling.max_tokns", "Did you mean 'max_tokens'?"),
    (GOOD | {"sampling": {"max_tokens": 0}}, "sampling.max_tokens", "greater than or equal to 1"),
    (GOOD | {"sampling": {"temperature": 3}}, "sampling.temperature", "less than or equal to 2"),
    (GOOD | {"sampling": {"min_tokens": 9, "max_tokens": 3}}, "sampling", "min_tokens 9 is more than max_tokens 3"),
    (GOOD | {"sampling": {"stop": [""]}}, "sampling.stop", "empty text"),
    (GOOD | {"sampling": {"stop": ""}}, "sampling.stop", "empty text"),
    (GOOD | {"sampling": {"top_k": 2**31}}, "sampling.top_k", "less than 2147483648"),
    (GOOD | {"sampling": {"temperature": float("nan")}}, "sampling.temperature", "less than or equal to 2"),
    (GOOD | {"task": "embed", "system_prompt": "x"}, "request", "system_prompt does not apply to task embed"),
    (GOOD | {"task": "score", "prompt_template": "{a}"}, "request", "prompt_template does not apply to task score"),
    (GOOD | {"task": "classify", "output_schema": {}}, "request", "output_schema does not apply to task classify"),
    (GOOD | {"sampling": {"repetition_penalty": float("nan")}}, "sampling.repetition_penalty", "less than or equal"),
    (GOOD | {"sampling": {"max_completion_tokens": 5}}, "sampling.max_completion_tokens", "Did you mean 'max_tokens'?"),
    (GOOD | {"sampling": {"min_tokens": 300}}, "request", "more than the default max_tokens 256; set max_tokens"),
    (GOOD | {"system_prompt": "a\0"}, "system_prompt", "NUL"),
    (GOOD | {"prompt_template": "{a}\0"}, "prompt_template", "NUL"),
    (GOOD | {"system_prompt": "\ud800"}, "system_prompt", "half a surrogate pair"),
    (GOOD | {"sampling": {"stop": ["a", "\udfff"]}}, "sampling.stop.1", "half a surrogate pair"),
    (GOOD | {"output_schema": {"a": [{"\ud800": 1}]}}, "output_schema.a.0", "half a surrogate pair"),
    (GOOD | {"csv": {"delimiter": ";;"}}, "csv.delimiter", "match"),
    (GOOD | {"csv": {"delimiter": "x"}}, "csv.delimiter", "match"),
    (GOOD | {"csv": {"delimiter": '"'}}, "csv.delimiter", "match"),
    (GOOD | {"csv": {"encoding": "latin"}}, "csv.encoding", "'windows-1252'"),
    (GOOD | {"csv": {"seperator": ";"}}, "csv.seperator", "delimiter, header, encoding"),
    (GOOD | {"engine": {"batch_size": 1025}}, "engine.batch_size", "less than or equal to 1024"),
    (
        GOOD | {"engine": {"gpu_memory_utilization": 0.2}},
        "engine.gpu_memory_utilization",
        "greater than or equal to 0.5",
    ),
    (GOOD | {"engine": {"batchsize": 1}}, "engine.batchsize", "Did you mean 'batch_size'?"),
    (GOOD | {"sla_hours": 0}, "sla_hours", "greater than or equal to 0.001"),
    (GOOD | {"completion_window": "1e-300h"}, "completion_window", "greater than or equal to 0.001"),
    (GOOD | {"completion_window": "1e308h"}, "completion_window", "less than or equal to 2160"),
    (GOOD | {"completion_window": 10**400}, "completion_window", "valid number"),
    (GOOD | {"prompt_template": "{a:>10}"}, "prompt_template", "'{a:>10}' has a format"),
    (GOOD | {"prompt_template": "{a:{b}}"}, "prompt_template", "'{a:{b}}' has a format"),
    (GOOD | {"prompt_template": "{b} {a!r}"}, "prompt_template", "'{a!r}' has a format"),
    (GOOD | {"prompt_template": "{a!r:5}"}, "prompt_template", "'{a!r:5}' has a format"),
    (GOOD | {"input_uri": "s3://b*/x"}, "input_uri", "'b*' is not the name of a bucket"),
    (GOOD | {"output_uri": "s3://a b/x/"}, "output_uri", "'a b' is not the name of a bucket"),
    (GOOD | {"sla_hours": "soon"}, "sla_hours", "number"),
    (GOOD | {"max_error_rate": 1.5}, "max_error_rate", "less than or equal to 1"),
    (GOOD | {"prompt_template": "no columns"}, "prompt_template", "names no {column}"),
    (GOOD | {"prompt_template": "{a.b}"}, "prompt_template", "plain {column} names"),
    (GOOD | {"prompt_template": "{"}, "prompt_template", "'{'"),
    (GOOD | {"prompt_column": "a", "messages_column": "b"}, "request", "exclude each other"),
    (GOOD | {"task": "paint"}, "task", "'generate'"),
    (GOOD | {"output_schema": "text"}, "output_schema", "dictionary"),
]


@pytest.mark.parametrize(("conf", "field", "words"), BAD, ids=[f"{b[1]}-{i}" for i, b in enumerate(BAD)])
def test_bad_request_names_field_and_fix(conf, field, words):
    with pytest.raises(RequestError) as caught:
        parse_request(conf)
    assert caught.value.field == field
    assert words in str(caught.value)


def test_nulls_are_defaults_as_an_empty_form_sends_them():
    request = parse_request(GOOD | {"prompt_column": None, "output_uri": "", "sla_hours": None})
    assert (request.prompt_column, request.output_uri, request.sla_hours) == (None, None, 24.0)


def test_a_retry_needs_no_input_of_its_own():
    request = parse_request({"retry_failed_of": "job-0123456789abcdef", "input_uri": None})
    assert (request.input_uri, request.source_uri) == (None, "")
    assert parse_request(GOOD).source_uri == GOOD["input_uri"]


def test_completion_window_is_a_synonym_of_sla_hours():
    assert parse_request(GOOD | {"completion_window": "6h"}).sla_hours == 6.0


def test_template_columns_in_order_once():
    request = parse_request(GOOD | {"prompt_template": "{title}: {text} ({title}) {{literal}}"})
    assert request.template_columns == ("title", "text")


def test_a_retry_may_set_the_least_tokens_alone():
    """Its rows have their own ``max_tokens`` from staging."""
    request = parse_request({"retry_failed_of": "job-0123456789abcdef", "sampling": {"min_tokens": 300}})
    assert request.sampling.min_tokens == 300


@pytest.mark.parametrize(
    "conf", [{"f" * 5000: 1}, {"\ud800": 1}, {"task": "t" * 5000}, {"task": "\ud800"}, {"priority": 10**5000}]
)
def test_an_error_has_a_bounded_length_and_can_be_stored(conf: dict[str, object]) -> None:
    with pytest.raises(RequestError) as caught:
        parse_request({"input_uri": "s3://b/a", **conf})
    assert len(str(caught.value).encode()) < 1200
