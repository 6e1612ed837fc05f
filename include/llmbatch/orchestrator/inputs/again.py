"""The body of a request that was staged before, with what a retry sets over it."""

from __future__ import annotations

from typing import NamedTuple

from llmbatch.core.endpoints import ANSWER_LIMITS, Endpoint
from llmbatch.core.job_spec import JobSpec
from llmbatch.orchestrator.inputs.body_keys import CONTENT_KEYS
from llmbatch.orchestrator.inputs.canonical import serialised
from llmbatch.orchestrator.inputs.parameters import ParameterMerge, Values, given_by_job, over


class AgainBuilt(NamedTuple):
    """A request as JSON text, and the output tokens that its answers may have."""

    text: str
    answer_limit: int


class RequestAgain:
    """Builds the requests of the rows that a retry runs again.

    What the retry's ``sampling`` and ``request`` set precedes what a row was staged with. A row keeps the adapter that
    it named, unless the retry names another one or its model does not have it.
    """

    def __init__(self, spec: JobSpec, earlier_model: str | None) -> None:
        request, self._adapters = spec.request, spec.serving.adapters
        is_new = request.model != earlier_model and request.model in self._adapters
        self._model = request.model if is_new else None
        self._request = request
        self._merge = ParameterMerge(request, spec.serving, spec.max_tokens)

    def of(self, endpoint: Endpoint, body: Values, answer_limit: int) -> AgainBuilt | None:
        """Return the request of a row, None if nothing of it changes.

        Args:
            endpoint: what it is for.
            body: as it was staged.
            answer_limit: as it was staged.

        Raises:
            RowError: what the retry sets contradicts what the row has of its own.
        """
        given = given_by_job(endpoint, self._request)
        named = body.get("model")
        model = self._model or (named if named in self._adapters else None)
        if not given and model == named:
            return None
        kept = CONTENT_KEYS[endpoint]
        old = {key: value for key, value in body.items() if key not in kept and key != "model"}
        prompts = answer_limit // _limit_of(endpoint, old)
        merged = self._merge.settled(endpoint, over(endpoint, given, old))
        values = {**merged.values, **{key: value for key, value in body.items() if key in kept}}
        if model is not None:
            values["model"] = model
        return AgainBuilt(serialised(values, "request"), merged.one_answer * merged.answers * prompts)


def _limit_of(endpoint: Endpoint, parameters: Values) -> int:
    """Return the output tokens that one prompt of a staged row may have."""
    limit = next((parameters[key] for key in ANSWER_LIMITS.get(endpoint, ()) if key in parameters), 0)
    tokens: int = max(1, int(limit)) * int(parameters.get("n", 1))  # type: ignore[call-overload]  # checked when staged
    return tokens
