"""Which model a row's request names: the job's own, one of its adapters, or another one."""

from __future__ import annotations

from llmbatch.core.errors import RowError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.serving import Serving
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.problem import kind_of


class RowModels:
    """Resolves the ``model`` of one job's rows.

    Attributes:
        foreign: rows so far that name another model; the job's model answers them.
    """

    def __init__(self, request: JobRequest, serving: Serving) -> None:
        self._serving, self._is_strict = serving, request.strict_model
        self._default = request.model if request.model in serving.adapters else None
        self.foreign = 0

    def of(self, named: object) -> str | None:
        """Return the adapter that is to answer, None for the model itself.

        Raises:
            RowError: not a text, or the job has ``strict_model`` and the name is neither its model nor an adapter.
        """
        if named is None:
            return self._default
        if not isinstance(named, str):
            raise RowError(ErrorClass.INVALID, f"`model` is {kind_of(named)}, not a text. Correct it, or remove it")
        if named in self._serving.adapters:
            return named
        if named == self._serving.name:
            return None
        if self._is_strict:
            known = ", ".join((self._serving.name, *self._serving.adapters))
            raise RowError(
                ErrorClass.INVALID,
                f"`model` is {named[:80]!r}, and the job has strict_model and serves {known}. Correct it, or remove it",
            )
        self.foreign += 1
        return self._default
