"""One job on the stack, and everything that a person at a console could read of it or do with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import httpx
import psutil

from chaos.stack import ChaosStack
from llmbatch.core.clock import SystemClock
from llmbatch.core.errors import StoreError
from llmbatch.core.identity import job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.core.states import DesiredState, Phase
from llmbatch.orchestrator.steering.control import request_state
from llmbatch_stack.demo.airflow_api import AirflowApi
from llmbatch_stack.demo.job_run import BASE_URI, DAG_ID
from llmbatch_stack.wire import call

POLL_SECONDS = 0.3
_REPLICA_TITLE = "ray::MapWorker(MapBatches(ReplicaActor"
_ACTIVE = {"PENDING", "RUNNING"}
_PATIENCE_SECONDS = 600.0

T = TypeVar("T")


class NotInTimeError(AssertionError):
    """What had to happen did not happen in time."""


@dataclass(frozen=True)
class Scene:
    """The job of one DAG run. Made before the run is, since the job id follows from the run id."""

    stack: ChaosStack
    api: AirflowApi
    run_id: str
    base_uri: str = BASE_URI

    @property
    def layout(self) -> JobLayout:
        """Addresses of the job."""
        return JobLayout.of(self.base_uri, self.job_id)

    @property
    def job_id(self) -> str:
        """Name of the job."""
        return job_id_of(DAG_ID, self.run_id)

    def run_state(self) -> str:
        """Return the state of the DAG run; ``unknown`` while Airflow does not answer."""
        try:
            return self.api.run(DAG_ID, self.run_id).state
        except httpx.HTTPError:
            return "unknown"

    def progress(self) -> Progress | None:
        """Return the last heartbeat; None before the first, or while the store is away."""
        try:
            return Progress.model_validate_json(self.stack.store.get(self.layout.progress))
        except StoreError:
            return None

    def committed(self) -> dict[str, str]:
        """Return the ETags of the committed shards by address."""
        return {info.uri: info.etag for info in self.stack.store.list(self.layout.results)}

    def control(self, desired: DesiredState) -> None:
        """Request a state of the job, as the documented command does."""
        request_state(
            self.layout.root, desired, reason="chaos", by="chaos", store=self.stack.store, clock=SystemClock()
        )

    def clear(self, task_id: str) -> None:
        """Clear a task and what comes after it, as a person would: until Airflow takes it."""
        self.insist(lambda: self.api.clear(DAG_ID, self.run_id, [task_id]))

    def insist(self, read: Callable[[], T]) -> T:
        """Repeat a call of Airflow's API that fails, because parts of it are still coming back."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return read()
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)

    def until(self, condition: Callable[[], object], what: str, seconds: float = _PATIENCE_SECONDS) -> None:
        """Wait for something outside this process.

        Raises:
            NotInTimeError: naming what was waited for.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise NotInTimeError(f"not within {seconds:g} s: {what}")
            time.sleep(POLL_SECONDS)

    def until_phase(self, phase: Phase) -> None:
        """Wait for a heartbeat with this phase."""
        self.until(lambda: (now := self.progress()) is not None and now.phase is phase, f"phase {phase.value}")

    def active_ray_jobs(self) -> list[str]:
        """Return this job's submissions that Ray takes for active; those it has forgotten are none."""
        settings = self.stack.settings
        reply = call(f"{settings.ray_url}/api/jobs/", token=self.stack.credentials.ray_token)
        if reply.status != 200:
            return [f"(Ray does not answer: {reply.status})"]
        import json

        return [
            job["submission_id"]
            for job in json.loads(reply.text)
            if str(job.get("submission_id")).startswith(self.job_id) and job["status"] in _ACTIVE
        ]

    def drivers(self) -> list[psutil.Process]:
        """Return the processes ``python -m llmbatch.cluster`` of this job."""
        return _those(self.stack.processes(), lambda words: "llmbatch.cluster" in words and self.layout.root in words)

    def replicas(self) -> list[psutil.Process]:
        """Return the actors that hold engines. Only one job runs at a time, so they are this job's."""
        return _those(self.stack.processes(), lambda words: words[0].startswith(_REPLICA_TITLE))

    def engines(self) -> list[psutil.Process]:
        """Return vLLM's own processes."""
        return _those(self.stack.processes(), lambda words: words[0].startswith("VLLM::"))

    def titled(self, start: str) -> list[psutil.Process]:
        """Return processes by the beginning of their title."""
        return _those(self.stack.processes(), lambda words: " ".join(words).startswith(start))


def _those(processes: list[psutil.Process], chosen: Callable[[list[str]], bool]) -> list[psutil.Process]:
    found = []
    for process in processes:
        try:
            words = process.cmdline()
        except psutil.NoSuchProcess:
            continue
        if words and chosen(words):
            found.append(process)
    return found
