"""The parameters that a job sets for all of its rows, checked when it is accepted."""

from __future__ import annotations

from itertools import chain

from llmbatch.core.endpoints import ANSWER_LIMITS, Endpoint
from llmbatch.core.job_request import JobRequest
from llmbatch.core.serving import Serving
from llmbatch.orchestrator.inputs.body_keys import CONTENT_KEYS, asks_for_nothing, refusal_of
from llmbatch.orchestrator.inputs.columns import table_endpoint
from llmbatch.orchestrator.inputs.parameters import ParameterMerge, Values, best_of_problem, cleaned
from llmbatch.orchestrator.inputs.problem import Problem
from llmbatch.orchestrator.inputs.request_schemas import known_keys, problem_of, unknown_key

_CONTENTS = frozenset().union(*CONTENT_KEYS.values()) - {"documents"}


def job_problem(request: JobRequest, serving: Serving, most_tokens: int, *, is_table: bool) -> Problem | None:
    """Return the first problem of a job's ``request``, None if it has none.

    Args:
        request: the job.
        serving: what its model serves.
        most_tokens: the deployment's limit of one answer.
        is_table: whether ``task`` names the endpoint of every row; else each row does, and a key is right if one
            endpoint takes it.
    """
    values = cleaned(request.request)
    endpoints = (table_endpoint(request.task),) if is_table else tuple(Endpoint)
    problem = next(filter(None, (_of_key(key, value, endpoints) for key, value in values.items())), None)
    if problem is not None or not is_table:
        return problem or best_of_problem(values) or _above_limit(values, most_tokens)
    return ParameterMerge(request, serving, most_tokens).problem(endpoints[0])


def _above_limit(values: Values, most: int) -> Problem | None:
    for key in dict.fromkeys(chain.from_iterable(ANSWER_LIMITS.values())):
        limit = values.get(key)
        if isinstance(limit, int) and limit > most:
            return Problem(key, f"is {limit}, above limits.max_tokens {most}", "Lower it, or raise that limit")
    return None


def _of_key(key: str, value: object, endpoints: tuple[Endpoint, ...]) -> Problem | None:
    if key == "model":
        return Problem(key, "is a field of the job", "Write it beside `request`")
    if key in _CONTENTS:
        return Problem(key, "is what each row brings", "Remove it")
    if key == "best_of" or asks_for_nothing(key, value):
        return None
    refused = refusal_of(endpoints[0], key)
    if refused is not None:
        return refused
    those = [endpoint for endpoint in endpoints if key in known_keys(endpoint)]
    if not those:
        return unknown_key(endpoints[0], key)
    problems = [problem_of(endpoint, {key: value}) for endpoint in those]
    return problems[0] if all(problems) else None
