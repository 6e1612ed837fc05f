"""What a caller may do with the run of a job: asked of Airflow, and remembered for seconds, as pages ask often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from llmbatch.core.clock import Clock
from llmbatch.core.identity import DELIVERY_DAG, INFERENCE_DAG
from llmbatch.gateway.airflow.client import AirflowClient, DagRun
from llmbatch.gateway.wire.failures import Failure
from llmbatch.gateway.wire.shared import Shared

KNOWN_SECONDS = 30.0
"""How long a right is remembered: a button may fail for so long after its user has lost the right."""

_MOST_KNOWN = 2000


class Right(StrEnum):
    """What a button needs."""

    EDIT_RUN = "edit_run"
    """Write a note and mark the run as failed: what every request to a running job needs."""
    CONTINUE_RUN = "continue_run"
    """Edit the run and clear its tasks, which are two rights in Airflow."""
    START = "start"
    """Start a job."""
    DELIVER = "deliver"
    """Start a delivery."""


_STARTS: Final[Mapping[Right, str]] = {Right.START: INFERENCE_DAG, Right.DELIVER: DELIVERY_DAG}
"""The DAGs whose runs are started."""


class Rights:
    """Asks Airflow with the credentials of each caller. Nothing is changed by a question.

    Args:
        airflow: what is asked.
        clock: for the age of the answers.
    """

    def __init__(self, airflow: AirflowClient, clock: Clock) -> None:
        self._airflow = airflow
        self._known: Shared[bool] = Shared(KNOWN_SECONDS, _MOST_KNOWN, clock)

    async def of(self, authorization: str, run: DagRun, asked: Iterable[Right]) -> frozenset[Right]:
        """Return those of ``asked`` that the caller has. What Airflow does not answer, the caller does not have."""
        return frozenset([right for right in sorted(set(asked)) if await self._has(authorization, run, right)])

    async def _has(self, authorization: str, run: DagRun, right: Right) -> bool:
        where = () if right in _STARTS else (run.dag_id, run.dag_run_id)
        try:
            return await self._known.get((authorization, right, *where), lambda: self._ask(authorization, run, right))
        except Failure:
            return False  # Airflow does not work now; the next poll asks again

    async def _ask(self, authorization: str, run: DagRun, right: Right) -> bool:
        try:
            if right in _STARTS:
                await self._airflow.require_start(authorization, _STARTS[right])
            else:
                await self._airflow.require_edit_run(authorization, run.dag_id, run.dag_run_id)
            if right is Right.CONTINUE_RUN:
                await self._airflow.require_continue_run(authorization, run.dag_id, run.dag_run_id)
        except Failure as failure:
            if failure.status >= 500:
                raise
            return False
        return True
