"""RunEnd: waits in the triggerer until a DAG run has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from llmbatch.orchestrator.deployment.run_states import dag_run_end
from llmbatch.orchestrator.deployment.threads import RUN_STATES


class RunEnd(BaseTrigger):
    """Fire once with ``{"state": …}``: ``success``, ``failed`` or ``missing``. Only the last differs from the provider.

    ``DagStateTrigger`` of the standard provider waits forever for a run that was deleted, e.g. while it was queued.
    Its keyword arguments are a wire format: add with a default, never rename.

    Args:
        dag_id: DAG of the run.
        run_id: the run to wait for.
        poll_seconds: time between two reads of its state, in seconds.
    """

    def __init__(self, *, dag_id: str, run_id: str, poll_seconds: float = 10) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dag_id = dag_id
        self.run_id = run_id
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments of the constructor."""
        arguments = {name: getattr(self, name) for name in ("dag_id", "run_id", "poll_seconds")}
        return ("llmbatch.orchestrator.tasks.run_end.RunEnd", arguments)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Read the state, sleep; end with one event. An error of Airflow's API ends the try of the task."""
        while True:
            state = await RUN_STATES.run(dag_run_end, self.dag_id, self.run_id)
            if state is not None:
                yield TriggerEvent({"state": state})  # type: ignore[no-untyped-call]
                return
            await asyncio.sleep(self.poll_seconds)
