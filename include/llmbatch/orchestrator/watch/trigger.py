"""EtaTrigger: reads a job's heartbeat until the job has ended, logs it, and watches the job's SLA."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, cast

from airflow.triggers.base import BaseTrigger, TriggerEvent
from pydantic import ValidationError

from llmbatch.core.clock import SystemClock
from llmbatch.core.heartbeat import Heartbeat, Pulse, fetch_heartbeat
from llmbatch.core.layout import JobLayout
from llmbatch.core.shown import shown
from llmbatch.core.staleness import STALLED_SECONDS
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import reason_of
from llmbatch.orchestrator.deployment.run_states import task_state
from llmbatch.orchestrator.deployment.store import open_store
from llmbatch.orchestrator.deployment.threads import ALERTS, HEARTBEATS, RUN_STATES
from llmbatch.orchestrator.watch.event import WatchEvent, WatchReason
from llmbatch.orchestrator.watch.progress import ProgressWatch
from llmbatch.orchestrator.watch.sla import LAST_DELIVERIES, LAST_DELIVERY_PAUSE, SlaWatch

CLOSING_TRIES = 3
"""Attempts to resolve the alerts at the end; the task ``report`` resolves what these could not."""


class EtaTrigger(BaseTrigger):
    """Watch ``progress.json`` of one job. A restarted triggerer loses no state.

    Its keyword arguments are a wire format: add with a default, never rename.

    Args:
        job_uri: the job's folder.
        store_conn_id: Airflow connection of the object store.
        dag_id: DAG of the run task.
        run_id: DAG run of the run task.
        run_task_id: the task whose final end ends the watch.
        poll_seconds: time between two reads, in seconds.
        stall_seconds: age of a heartbeat, in seconds, from which the job counts as stalled.
        version: of this wire format.
    """

    def __init__(
        self,
        *,
        job_uri: str,
        store_conn_id: str,
        dag_id: str,
        run_id: str,
        run_task_id: str = "run",
        poll_seconds: float = 3,
        stall_seconds: float = STALLED_SECONDS,
        version: int = 1,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job_uri = job_uri
        self.store_conn_id = store_conn_id
        self.dag_id = dag_id
        self.run_id = run_id
        self.run_task_id = run_task_id
        self.poll_seconds = poll_seconds
        self.stall_seconds = stall_seconds
        self.version = version
        self._store: ObjectStore | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments of the constructor."""
        names = ("job_uri", "store_conn_id", "dag_id", "run_id", "run_task_id", "poll_seconds", "stall_seconds")
        arguments = {name: getattr(self, name) for name in (*names, "version")}
        return ("llmbatch.orchestrator.watch.trigger.EtaTrigger", arguments)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Read, log, sleep; end with one event. No failed read ends the watch."""
        job_id = self.job_uri.rstrip("/").rsplit("/", 1)[-1]
        clock = SystemClock()
        watch = ProgressWatch(job_id, clock, self.stall_seconds)
        log = cast("logging.Logger", self.log)  # Airflow's own type, used like the standard one
        sla, pulse = SlaWatch(self.job_uri, clock, log, self.stall_seconds), Pulse(clock, log)
        while True:
            try:
                beat = await HEARTBEATS.run(self._read)
                lines = watch.observe(None if beat is None else pulse.date(beat))
            except ValidationError as error:
                lines = watch.unreadable(reason_of(error))
            except Exception as error:  # a watch never fails its DAG, whatever fails in store or network
                lines = watch.unreadable(str(error))
            for line in lines:
                self.log.info("event=progress %s", shown(line))
            run_state = await self._run_state(watch) if watch.needs_run_state() else None
            reason = watch.end(run_state)
            if reason is not None:
                await self._close(sla, watch, reason, run_state)
                phase = watch.seen.phase if watch.seen else None
                event = WatchEvent(job_id=job_id, reason=reason, phase=phase, run_state=run_state)
                yield TriggerEvent(event.model_dump(mode="json"))  # type: ignore[no-untyped-call]
                return
            if self._store is not None:
                await ALERTS.run(sla.look, self._store, watch.seen)
            await asyncio.sleep(self.poll_seconds)

    async def _close(self, sla: SlaWatch, watch: ProgressWatch, reason: WatchReason, run_state: str | None) -> None:
        """Resolve what fires, and give the reason for which the watch ends."""
        is_finished = reason is WatchReason.PHASE_DONE or run_state == "success"
        why = "" if is_finished else f"the task {self.run_task_id} ended as {run_state}; clear it to continue the job"
        for _ in range(CLOSING_TRIES):
            if self._store is None or await ALERTS.run(sla.close, self._store, watch.seen, why):
                break
            await asyncio.sleep(self.poll_seconds)
        if self._store is None or is_finished:
            return  # the task `report` delivers what is left
        for _ in range(LAST_DELIVERIES):
            if await ALERTS.run(sla.deliver, self._store):
                return
            await asyncio.sleep(LAST_DELIVERY_PAUSE)

    def _read(self) -> Heartbeat | None:
        self._store = self._store or open_store(self.store_conn_id)
        return fetch_heartbeat(self._store, JobLayout(self.job_uri))

    async def _run_state(self, watch: ProgressWatch) -> str | None:
        try:
            return await RUN_STATES.run(task_state, self.dag_id, self.run_id, self.run_task_id)
        except Exception as error:  # read again at the next poll
            for line in watch.unreadable(f"state of task {self.run_task_id}: {error}"):
                self.log.warning("event=task_state_unknown %s", shown(line))
            return None
