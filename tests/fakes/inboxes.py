"""A deployment with an inbox in memory: a store that can be interrupted or late, and the DAG runs of an Airflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from pydantic import JsonValue

from fakes.finished_jobs import spec_of
from fakes.job_inputs import put_inputs
from fakes.proofs import put_proof
from llmbatch.core.clock import ManualClock
from llmbatch.core.config import Config
from llmbatch.core.errors import RequestError
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore, ObjectInfo, ObjectStore
from llmbatch.orchestrator.deployment.run_states import DagRunState
from llmbatch.orchestrator.drop_folder.scan import Found, Scan

INBOX = "s3://b/inbox"
BASE = "s3://b/llmbatch"
REFUSED = "refused-by-airflow"
"""An input with this name is refused by Airflow."""


def config(**drop: object) -> Config:
    sections = {"store": {"base_uri": BASE}, "drop": {"inbox": [{"uri": INBOX}], **drop}}
    return Config.model_validate({**sections, "default_model": "m", "models": {"m": {"uri": "hub/m"}}})


class Interrupted(BaseException):
    """The process was killed."""


class InboxStore(MemoryStore):
    """A store whose operations can be interrupted, and whose listings of the inbox can be old.

    ``at[n]`` is called before the n-th operation from now on. ``stale`` is what a listing of the inbox shows in place
    of the present.
    """

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.at: dict[int, Callable[[], object]] = {}
        self.stale: list[ObjectInfo] | None = None
        self.requests = 0
        self._is_inside = False

    @contextmanager
    def _operation(self) -> Iterator[None]:
        """One request: what happens in it happens at once."""
        if self._is_inside:
            yield
            return
        self.requests += 1
        step = self.at.pop(self.requests, None)
        if step is not None:
            step()
        self._is_inside = True
        try:
            yield
        finally:
            self._is_inside = False

    def get(self, uri: str) -> bytes:
        with self._operation():
            return super().get(uri)

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        with self._operation():
            return super().put(uri, body)

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        with self._operation():
            return super().create(uri, body)

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        with self._operation():
            return super().replace(uri, body, etag)

    def metadata(self, uri: str, etag: str) -> Mapping[str, str]:
        with self._operation():
            return super().metadata(uri, etag)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._operation():
            is_old = self.stale is not None and prefix.startswith(INBOX)
            shown = self.stale if is_old and self.stale is not None else super().list(prefix)
            found = [info for info in shown if info.uri.startswith(prefix)]
        yield from found

    def copy(self, source: ObjectInfo, uri: str) -> ObjectInfo:
        with self._operation():
            return super().copy(source, uri)

    def delete(self, uri: str) -> None:
        with self._operation():
            super().delete(uri)

    def delete_version(self, uri: str, etag: str) -> None:
        with self._operation():
            super().delete_version(uri, etag)


class MemoryRuns:
    """DAG runs by id. A run that is started twice is started once, as in Airflow's database."""

    def __init__(self, store: ObjectStore, base_uri: str = BASE) -> None:
        self._store, self._base = store, base_uri
        self.confs: dict[str, dict[str, JsonValue]] = {}
        self.states: dict[str, DagRunState] = {}

    def start(self, run_id: str, conf: dict[str, JsonValue]) -> None:
        if REFUSED in str(conf["input_uri"]):
            raise RequestError("conf", "Airflow refused the run: no", "Correct the options.")
        if self.confs.setdefault(run_id, conf) is conf:
            self.states[run_id] = DagRunState.ALIVE

    def state(self, run_id: str) -> DagRunState:
        return self.states.get(run_id, DagRunState.GONE)

    def failure(self, run_id: str) -> str:
        return f"Task accept failed: {run_id} has no rows"

    def finish(self, run_id: str, *, succeeds: bool = True) -> None:
        """End a run; one that succeeds leaves the folder of its job, with the input that it has read."""
        layout = JobLayout.of(self._base, job_id_of(INFERENCE_DAG, run_id))
        if succeeds:
            source = str(self.confs[run_id]["input_uri"])
            read = [info for info in self._store.list(source) if "/_" not in info.uri and "/." not in info.uri]
            fields = {"job_id": layout.job_id, "root_uri": layout.root, "run_id": run_id, "dag_id": INFERENCE_DAG}
            spec = spec_of().model_copy(update={**fields, "inputs": put_inputs(self._store, layout.root, read)})
            self._store.put(layout.spec, spec.model_dump_json().encode())
            put_proof(self._store, layout)
        self.states[run_id] = DagRunState.OVER


class Deployment:
    """An inbox, a store and an Airflow."""

    def __init__(self, **drop: object) -> None:
        self.clock = ManualClock()
        self.store = InboxStore(self.clock)
        self.runs = MemoryRuns(self.store)
        self.config = config(**drop)

    def drop(self, name: str, body: str = '{"prompt": "a"}\n') -> ObjectInfo:
        self.clock.advance(1)
        return self.store.put(f"{INBOX}/{name}", body.encode())

    def scan(self) -> Found:
        self.clock.advance(1)
        return Scan(self.config, self.store, self.runs, self.clock).run()

    def finish(self, *, succeed: bool = True) -> None:
        """End every run that is alive."""
        for run_id, state in self.runs.states.items():
            if state is DagRunState.ALIVE:
                self.runs.finish(run_id, succeeds=succeed)

    def wait(self, minutes: float) -> None:
        self.clock.advance(timedelta(minutes=minutes).total_seconds())

    def under(self, folder: str) -> dict[str, bytes]:
        """Return the objects under a folder, by their names without date and job id."""
        found = {uri: body for uri, body in self.store.objects.items() if uri.startswith(f"s3://b/{folder}/")}
        return {uri.removeprefix(f"s3://b/{folder}/").split("/", 2)[-1]: body for uri, body in found.items()}

    def inbox(self) -> set[str]:
        return {uri.removeprefix(f"{INBOX}/") for uri in self.store.objects if uri.startswith(f"{INBOX}/")}

    def link(self, name: str) -> dict[str, object]:
        return json.loads(self.under("done")[f"{name}.manifest.json"])
