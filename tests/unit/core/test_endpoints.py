from __future__ import annotations

from llmbatch.core.endpoints import ANSWER_LIMITS, Endpoint, Task


def test_every_endpoint_has_a_task_and_the_generating_ones_limit_their_answers() -> None:
    generating = {endpoint for endpoint in Endpoint if endpoint.task is Task.GENERATE}
    assert generating == ANSWER_LIMITS.keys()
    assert Endpoint("/v1/rerank").task is Task.SCORE
