"""The one shape of an error."""

from __future__ import annotations

from llmbatch.gateway.wire.failures import ErrorBody, Failure, unavailable, unknown_job


def test_all_four_keys_of_openai_are_always_there() -> None:
    assert Failure(400, "x").body() == {
        "error": {"message": "x", "type": "invalid_request_error", "param": None, "code": None}
    }


def test_a_job_is_named() -> None:
    error = unknown_job("job-1").body()["error"]
    assert isinstance(error, dict)
    assert (error["job_id"], error["code"]) == ("job-1", "job_not_found")


def test_unavailable_names_when_to_repeat() -> None:
    failure = unavailable("x", seconds=7)
    assert (failure.status, failure.headers) == (503, {"Retry-After": "7"})


def test_the_documented_shape_is_the_one_that_is_sent() -> None:
    for failure in (Failure(400, "x", param="p"), unknown_job("job-1")):
        ErrorBody.model_validate(failure.body(), extra="forbid")
    for example in ErrorBody.model_json_schema()["examples"]:
        ErrorBody.model_validate(example, extra="forbid")
