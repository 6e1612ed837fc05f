"""Endpoints of rows, and what an engine must do to answer them."""

from llmbatch.core.endpoints import ANSWER_LIMITS, Endpoint, Task


def test_endpoints_that_generate_have_a_limit_of_their_answers_and_the_others_have_none() -> None:
    assert {endpoint for endpoint in Endpoint if endpoint.task is Task.GENERATE} == set(ANSWER_LIMITS)


def test_every_task_has_an_endpoint() -> None:
    assert {endpoint.task for endpoint in Endpoint} == set(Task)
