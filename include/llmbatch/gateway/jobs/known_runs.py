"""The runs that polls ask for, read for all jobs of a user at once: Airflow takes as long for one run as for many."""

from __future__ import annotations

from collections.abc import Mapping

from llmbatch.core.clock import Clock
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest
from llmbatch.gateway.airflow.client import AirflowClient, DagRun
from llmbatch.gateway.wire.shared import Shared

KNOWN_SECONDS = 2.0
"""Time after which the runs are read again; heartbeats are written as often."""
USABLE_SECONDS = 5.0
"""Time for which polls get the old runs while the new ones are read."""

_MOST_RUNS = 100
_MOST_CALLERS = 1000


class KnownRuns:
    """The newest runs that are running and those that have failed, read with the rights of each caller.

    A run of neither kind is not known here: it waits, has succeeded, or is older than the newest hundred.
    """

    def __init__(self, airflow: AirflowClient, clock: Clock) -> None:
        self._airflow = airflow
        self._runs: Shared[Mapping[str, DagRun]] = Shared(KNOWN_SECONDS, _MOST_CALLERS, clock, usable=USABLE_SECONDS)

    async def find(self, authorization: str, job_id: str) -> DagRun | None:
        """Return the run of a job, at most ``USABLE_SECONDS`` old, None if it is not known. Raises ``Failure`` 403.

        It is not older than the last change that this process made in Airflow.
        """
        key = (authorization, self._airflow.changes)
        return (await self._runs.get(key, lambda: self._read(authorization))).get(job_id)

    async def _read(self, authorization: str) -> Mapping[str, DagRun]:
        found = {}
        for state in ("running", "failed"):
            runs = await self._airflow.runs(authorization, INFERENCE_DAG, limit=_MOST_RUNS, states=(state,))
            found.update({job_id_of(run.dag_id, run.dag_run_id): run for run in runs})
        return found


def run_of_proof(spec: JobSpec, proof: JobManifest | None) -> DagRun:
    """Return the run of a job as its folder proves it: a job without a proof has not succeeded."""
    return DagRun(
        dag_id=spec.dag_id,
        dag_run_id=spec.run_id,
        state="failed" if proof is None else "success",
        run_after=spec.created_at,
        end_date=None if proof is None else proof.sla.finished_at,
        triggering_user_name=spec.owner or None,
    )
