"""Whatever a user sends as a request, it is a request or a ``RequestError`` that names the field."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fuzz.profile import fuzz
from fuzz.values import JSON, LEAVES, SAMPLING, TEXTS, line_of
from llmbatch.core.config_sections import StagingConfig
from llmbatch.core.endpoints import Task
from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest, parse_request
from llmbatch.core.job_spec import InputObject
from llmbatch.core.layout import split_uri
from llmbatch.core.request_options import InputFormat
from llmbatch.core.serving import Serving
from llmbatch.core.sla_hours import SLA_FIELDS
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.formats import resolve_columns, resolve_format
from llmbatch.orchestrator.inputs.job_parameters import job_problem
from llmbatch.orchestrator.inputs.listing import list_inputs
from llmbatch.orchestrator.inputs.prompt import RequestBuilder

URIS = st.builds("s3://{}/{}".format, st.sampled_from(["b", "b", "other", ""]), st.text("ab*?[]!/_.=\x00é", max_size=8))
FIELDS = st.sampled_from([*JobRequest.model_fields, *SLA_FIELDS, "input_url", ""])
OPTIONS = {
    "input_uri": URIS | JSON,
    "sampling": SAMPLING | JSON,
    "request": SAMPLING | JSON,
    "task": st.sampled_from(list(Task)),
    "engine": st.dictionaries(st.sampled_from(["batch_size", "concurrency", "max_model_len", "x"]), LEAVES, max_size=2),
    "reactions": st.dictionaries(st.sampled_from(["max_replicas", "max_tokens", "fallback_model"]), LEAVES, max_size=2),
    "prompt_template": st.text("a{}!:.[]0 ", max_size=9),
    "sla_hours": LEAVES,
    "completion_window": st.text("0123456789.hdmsE- ", max_size=6) | LEAVES,
}


def parsed(conf: dict[str, object]) -> JobRequest | None:
    try:
        return parse_request(conf)
    except RequestError as error:
        refusal = error
    assert refusal.problem
    assert refusal.fix
    assert len(str(refusal).encode()) < 3000
    return None


@fuzz(8)
@given(st.fixed_dictionaries({}, optional=OPTIONS), st.dictionaries(FIELDS | TEXTS, JSON, max_size=3))
def test_any_value_in_any_field(known: dict[str, object], rest: dict[str, object]) -> None:
    request = parsed(rest | known)
    if request is not None:
        assert JobRequest.model_validate_json(request.model_dump_json()) == request
        RequestBuilder(request, StagingConfig(), Serving())
        for is_table in (True, False):
            problem = job_problem(request, Serving(), 1000, is_table=is_table)
            assert problem is None or len(str(problem.of_request()).encode()) < 3000


@fuzz(6)
@given(URIS, st.lists(st.text("ab*?[]!/_.=", min_size=1, max_size=8), max_size=6))
def test_any_input_uri_over_any_keys(uri: str, keys: list[str]) -> None:
    store = MemoryStore()
    for key in keys:
        store.put(f"s3://b/{key}", b"1")
    request = parsed({"input_uri": uri})
    if request is None:
        return
    try:
        objects = list_inputs(uri, store)
    except RequestError as refusal:
        str(refusal).encode()
        return
    found = [split_uri(item.uri)[1] for item in objects]
    assert found == sorted(set(found))
    assert set(found) <= set(keys)


@fuzz(6)
@given(
    st.sampled_from(["a.jsonl", "a.csv", "a.parquet", "a.jsonl.gz", "a", "a.json"]),
    st.binary(max_size=60)
    | st.lists(JSON | st.dictionaries(TEXTS, JSON, max_size=3), max_size=3).map(
        lambda values: b"\n".join(map(line_of, values))
    ),
    st.sampled_from(list(InputFormat)),
    st.fixed_dictionaries({}, optional={"prompt_column": TEXTS.filter(bool)}),
)
def test_any_first_bytes_give_a_format_and_columns_or_a_refusal(
    name: str, body: bytes, fmt: InputFormat, options: dict[str, str]
) -> None:
    store = MemoryStore()
    info = store.put(f"s3://b/{name}", body)
    objects = (InputObject(uri=info.uri, etag=info.etag, size=info.size),)
    request = parsed({"input_uri": info.uri, "input_format": fmt.value, **options})
    if request is None:
        return
    try:
        resolve_columns(request, resolve_format(request, objects, store), objects, store)
    except RequestError as refusal:
        str(refusal).encode()
