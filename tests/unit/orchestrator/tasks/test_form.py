from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import Param
from airflow.sdk.exceptions import ParamValidationError
from pydantic import ValidationError

from llmbatch.core.job_request import JobRequest, parse_request
from llmbatch.core.request_options import EngineOptions, Reactions
from llmbatch.core.sampling import Sampling
from llmbatch.orchestrator.tasks.form import form_params

FORM = form_params()
SECTIONS = ["1. Input", "2. Prompt", "3. Model", "4. Output", "5. Deadline and limits"]


def test_the_form_has_exactly_the_fields_of_a_request() -> None:
    assert set(FORM) == set(JobRequest.model_fields)


def test_the_form_s_defaults_are_a_request_s_defaults() -> None:
    values = {name: param.value for name, param in FORM.items() if name != "input_uri"}
    assert parse_request({**values, "input_uri": "s3://b/k"}) == JobRequest(input_uri="s3://b/k")


def test_the_form_itself_requires_nothing() -> None:
    """Input or ``retry_failed_of`` must be there, which a form cannot say; accept does."""
    required = [name for name, param in FORM.items() if not param.has_value and "null" not in param.schema["type"]]
    assert required == []


@pytest.mark.parametrize("name", FORM)
def test_every_field_is_explained(name: str) -> None:
    schema = FORM[name].schema
    assert schema["title"]
    assert len(FORM[name].description) > 15
    assert schema["section"] in SECTIONS
    assert set(schema.get("values_display", {})) <= set(schema.get("enum", []))


def test_sections_are_in_order_and_unbroken() -> None:
    seen = list(dict.fromkeys(param.schema["section"] for param in FORM.values()))
    assert seen == SECTIONS
    in_form = [param.schema["section"] for param in FORM.values()]
    assert in_form == sorted(in_form)


def _accepted_by_form(param: Param, value: Any) -> bool:
    try:
        Param(schema=param.schema).resolve(value)
    except ParamValidationError:
        return False
    return True


def _accepted_by_request(name: str, value: Any) -> bool:
    try:
        JobRequest.model_validate({"input_uri": "s3://b/k", name: value})
    except ValidationError:
        return False
    return True


PROBES = [
    *[("sla_hours", value) for value in (0, 0.001, 24, 24 * 90, 24 * 90 + 1)],
    *[("priority", value) for value in (-101, -100, 0, 100, 101, 1.5)],
    *[("max_error_rate", value) for value in (-0.01, 0, 0.05, 1, 1.01)],
    *[("input_format", value) for value in ("auto", "csv", "xml")],
    *[("output_format", value) for value in ("auto", "openai_batch", "csv")],
    *[("task", value) for value in ("generate", "embed", "score", "rank")],
    *[("request", value) for value in ({"n": 2}, 3)],
    *[("keep_columns", value) for value in ("all", ["a", "b"], None, 3, [3])],
    *[(name, value) for name in ("strict_model", "response_column") for value in (True, False, "maybe")],
    *[("input_uri", value) for value in ("s3://b/k", "b/k", "s3://", "gs://b/k")],
    *[("retry_failed_of", value) for value in ("job-0123456789abcdef", None, "job-1", "s3://b/jobs/job-1", 3)],
    *[("idempotency_key", value) for value in ("nightly", None, "k" * 200, "k" * 201, 3)],
    *[("output_uri", value) for value in ("s3://b/k/", "k")],
    *[("prompt_column", value) for value in ("a", None, 3)],
    *[("output_schema", value) for value in ({"type": "object"}, None, "x")],
    *[("engine", {name: value}) for name in EngineOptions.model_fields for value in (-1, 0, 0.6, 16, 2**40)],
    ("engine", {"batchsize": 1}),
    *[("csv", {"delimiter": value}) for value in (";", "\t", "|", " ", ";;", "", "x", "_", '"', "\n", None)],
    *[("csv", {"header": value}) for value in (True, False, "maybe", None)],
    *[("csv", {"encoding": value}) for value in ("utf-16", "latin", None)],
    ("csv", {"separator": ";"}),
    *[("id_column", value) for value in ("id", "none", None, 3)],
    *[("on_infeasible", value) for value in ("accept", "reject", "refuse", None)],
    *[("on_cancel", value) for value in ("stop", "deliver", "keep", None)],
    *[("dry_run", value) for value in (True, False, None, "maybe", 3)],
    *[("reactions", {name: value}) for name in Reactions.model_fields for value in (-1, 2, 2000, "x")],
    ("reactions", {"max_replica": 2}),
    ("reactions", {"max_replicas": 4, "pause_lower_priority": True, "max_tokens": 8, "fallback_model": "small"}),
    *[("sampling", {name: value}) for name in Sampling.model_fields for value in (-3, 0.5, 17, 2**70, "x")],
    # 0 and 1 are numbers here and truth values in JSON Schema, but both in pydantic; so they are left out above.
    *[("sampling", {name: value}) for name in ("max_tokens", "top_p", "temperature") for value in (0, 1)],
    ("sampling", {"stop": ["a"]}),
    ("sampling", {"temprature": 1}),
]


@pytest.mark.parametrize(("name", "value"), PROBES, ids=str)
def test_form_and_request_agree_on_what_is_allowed(name: str, value: Any) -> None:
    assert _accepted_by_form(FORM[name], value) == _accepted_by_request(name, value)


def test_defaults_can_be_filled_in_for_a_schedule() -> None:
    form = form_params({"input_uri": "s3://b/{{ ds }}/"})
    assert form["input_uri"].value == "s3://b/{{ ds }}/"
