"""The parameters of a row's body: its own over the job's, checked, with a limit of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from llmbatch.core.endpoints import ANSWER_LIMITS, Endpoint
from llmbatch.core.job_request import JobRequest
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS, LONGEST_ANSWER
from llmbatch.core.serving import Serving
from llmbatch.orchestrator.inputs.body_keys import CHANGE_NOTHING, GUIDED, asks_for_nothing, refusal_of
from llmbatch.orchestrator.inputs.body_rules import CONSTRAINTS, contradiction
from llmbatch.orchestrator.inputs.canonical import serialised, without_nulls
from llmbatch.orchestrator.inputs.problem import Problem
from llmbatch.orchestrator.inputs.request_schemas import known_keys, problem_of

_READ_TOO = ("tools", "documents", "instructions", "previous_input_messages", "instruction")
"""Parameters that are part of the prompt."""
_NO_CHOICE = ("none", "auto")
_PLAIN = ({"type": "text"}, {"format": {"type": "text"}})
_WITH_SCHEMA = (Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.RESPONSES)

Values = dict[str, object]


class Parameters(NamedTuple):
    """The parameters of a body, the tokens of one answer, the answers of one prompt, and the characters to be read."""

    values: Values
    one_answer: int
    answers: int
    chars: int


class ParameterMerge:
    """Merges the parameters of rows over those of their job: its ``request``, over its ``sampling``."""

    def __init__(self, request: JobRequest, serving: Serving, most_tokens: int = LONGEST_ANSWER) -> None:
        self._request, self._options, self._most = request, serving.options, most_tokens
        self._job: dict[Endpoint, Values] = {}

    def merged(self, endpoint: Endpoint, body: Mapping[str, object]) -> Parameters:
        """Return a row's parameters over the job's. An endpoint that generates always has a limit of its answer.

        Raises:
            RowError: an unknown or refused key, a value out of range, or values that contradict each other, by name.
        """
        return self.settled(endpoint, over(endpoint, cleaned(body), self._of_job(endpoint)))

    def settled(self, endpoint: Endpoint, values: Values) -> Parameters:
        """Return merged parameters checked, and with a limit of the answer; ``values`` is changed to them.

        Raises:
            RowError: as ``merged`` does.
        """
        problem = self._settle(endpoint, values)
        if problem is not None:
            raise problem.of_row()
        chars = sum(len(serialised(values[key], key)) for key in _READ_TOO if key in values)
        limit = next((values[key] for key in ANSWER_LIMITS.get(endpoint, ()) if key in values), 0)
        # The schemas have made sure of numbers; JSON's 2.0 is a whole number.
        one, answers = int(limit), int(values.get("n", 1))  # type: ignore[call-overload]
        return Parameters(values, max(1, one) if endpoint in ANSWER_LIMITS else 0, answers, chars)

    def problem(self, endpoint: Endpoint) -> Problem | None:
        """Return what is wrong with the job's own parameters, None if nothing is."""
        return self._settle(endpoint, dict(self._of_job(endpoint)))

    def _settle(self, endpoint: Endpoint, values: Values) -> Problem | None:
        """Drop what asks for nothing, set the limit of the answer, and return the first problem."""
        problem = best_of_problem(values)
        values.pop("best_of", None)
        for key in [key for key, value in values.items() if asks_for_nothing(key, value)]:
            del values[key]
        if "tools" not in values and values.get("tool_choice") in _NO_CHOICE:
            del values["tool_choice"]
        refused = (refusal_of(endpoint, key) for key in values)
        problem = problem or next(filter(None, refused), None) or problem_of(endpoint, values)
        problem = problem or self._limit(endpoint, values)
        return problem or contradiction(endpoint, values, self._options)

    def _limit(self, endpoint: Endpoint, values: Values) -> Problem | None:
        keys = ANSWER_LIMITS.get(endpoint)
        if keys is None:
            return None
        key = next((name for name in keys if name in values), keys[0])
        limit, least = values.setdefault(key, DEFAULT_MAX_TOKENS), values.get("min_tokens", 0)
        if not isinstance(limit, int | float) or not isinstance(least, int | float):
            raise TypeError(f"{key} of a checked body is a {type(limit).__name__}")
        if limit > self._most:
            return Problem(key, f"is {limit}, above limits.max_tokens {self._most}", "Lower it, or raise that limit")
        if limit < 1 and not values.get("echo"):
            return Problem(key, f"is {limit}, and 1 is the least", "Correct the value")
        if least > limit > 0:
            return Problem("min_tokens", f"is {least}, more than {key} {limit}", "Lower it")
        return None

    def _of_job(self, endpoint: Endpoint) -> Values:
        """Return the job's parameters that the endpoint knows."""
        if endpoint not in self._job:
            self._job[endpoint] = self._made_of_job(endpoint)
        return self._job[endpoint]

    def _made_of_job(self, endpoint: Endpoint) -> Values:
        request, values = self._request, given_by_job(endpoint, self._request)
        if endpoint in _WITH_SCHEMA and request.output_schema is not None and not CONSTRAINTS & values.keys():
            values["structured_outputs"] = {"json": request.output_schema}
        if endpoint is Endpoint.RESPONSES and request.system_prompt is not None:
            values.setdefault("instructions", request.system_prompt)
        return values


def given_by_job(endpoint: Endpoint, request: JobRequest) -> Values:
    """Return the parameters that a job's ``request`` and ``sampling`` give, as far as an endpoint has them."""
    short: Values = request.sampling.model_dump(exclude_none=True)
    if "max_tokens" in short:
        limit = short.pop("max_tokens")
        short |= dict.fromkeys(ANSWER_LIMITS.get(endpoint, ())[:1], limit)
    known = known_keys(endpoint) | {"best_of"}
    values = over(endpoint, cleaned(request.request), short)
    return {key: value for key, value in values.items() if key in known}


def over(endpoint: Endpoint, own: Mapping[str, object], base: Mapping[str, object]) -> Values:
    """Return ``base`` with ``own`` in its place: one limit of the answer, and one form that it must have."""
    limits = ANSWER_LIMITS.get(endpoint, ())
    replaced = {*limits} if any(key in own for key in limits) else set()
    if CONSTRAINTS & own.keys():
        replaced |= CONSTRAINTS
    return {**{key: value for key, value in base.items() if key not in replaced}, **own}


def cleaned(body: Mapping[str, object]) -> Values:
    """Return parameters that are given: no null, nothing that a batch ignores, and today's names."""
    kept: Values = {}
    for key, value in body.items():
        if value is None or key in CHANGE_NOTHING:
            continue
        item = without_nulls(value) if isinstance(value, dict | list) and key != "chat_template_kwargs" else value
        if key not in CONSTRAINTS or item not in _PLAIN:
            kept[key] = item
    for earlier, name in GUIDED.items():
        if earlier in kept:
            kept["structured_outputs"] = {name: kept.pop(earlier)}
    return kept


def best_of_problem(values: Mapping[str, object]) -> Problem | None:
    """Return the problem of a ``best_of`` that is not the number of answers: vLLM does not choose among them."""
    wanted, answers = values.get("best_of"), values.get("n", 1)
    if wanted is None or wanted == answers:
        return None
    return Problem("best_of", "is not `n`, and vLLM does not choose the best answers", "Set n, and choose among them")
