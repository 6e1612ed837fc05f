"""The ``request`` of a job, checked when it is accepted."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.core.job_request import JobRequest
from llmbatch.core.serving import Serving
from llmbatch.orchestrator.inputs.job_parameters import job_problem

TOOL = {"type": "function", "function": {"name": "f"}}


def problem(*, is_table: bool = True, most: int = 1000, **job: Any) -> tuple[str, str, str] | None:
    request = JobRequest.model_validate({"input_uri": "s3://b/in/", **job})
    return job_problem(request, Serving(), most, is_table=is_table)


@pytest.mark.parametrize("is_table", [True, False])
@pytest.mark.parametrize(
    ("request_", "field", "words"),
    [
        ({"temprature": 1}, "temprature", "is not a parameter of /v1/chat/completions"),
        ({"temperature": 3}, "temperature", "is 3, and 2 is the most"),
        ({"model": "m"}, "model", "is a field of the job"),
        ({"messages": []}, "messages", "is what each row brings"),
        ({"input": "x"}, "input", "is what each row brings"),
        ({"chat_template": "x"}, "chat_template", "is refused"),
        ({"functions": [TOOL]}, "functions", "is an earlier name"),
        ({"best_of": 2}, "best_of", "is not `n`"),
    ],
)
def test_a_problem_of_every_row_is_found(is_table: bool, request_: dict[str, Any], field: str, words: str) -> None:
    found = problem(is_table=is_table, request=request_)
    assert found is not None
    assert (found[0], words in found[1]) == (field, True)


def test_rows_of_a_table_have_one_endpoint() -> None:
    assert problem(request={"dimensions": 3}) is not None
    assert problem(request={"dimensions": 3}, task="embed") is None
    assert problem(request={"tools": [TOOL]}, task="embed") is not None
    assert problem(request={"tool_choice": "required"}) is not None
    assert problem(request={"max_tokens": 1001}) is not None


def test_lines_that_name_their_endpoints_need_one_that_takes_the_key() -> None:
    assert problem(is_table=False, request={"dimensions": 3, "tools": [TOOL], "logprobs": 5}) is None
    assert problem(is_table=False, request={"logprobs": "five"}) is not None
    assert problem(is_table=False, request={"max_output_tokens": 1001}) is not None


@pytest.mark.parametrize("request_", [{}, {"stream": True, "user": "u"}, {"tools": [], "seed": None}, {"n": 2}])
def test_what_every_row_may_have_is_right(request_: dict[str, Any]) -> None:
    assert problem(request=request_) is None
