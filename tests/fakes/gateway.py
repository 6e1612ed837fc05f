"""The gateway in process, over a memory store and an Airflow that is three dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi.testclient import TestClient
from pydantic import JsonValue

from llmbatch.core.clock import Clock, ManualClock
from llmbatch.core.config import Config
from llmbatch.core.config_sections import ModelConfig
from llmbatch.core.store import MemoryStore, ObjectStore
from llmbatch.gateway.access.access import Access
from llmbatch.gateway.access.keys import ApiKeys
from llmbatch.gateway.airflow.client import DagRun, RunExists
from llmbatch.gateway.app import create_app
from llmbatch.gateway.parts import Parts
from llmbatch.gateway.wire.failures import Failure

BASE = "s3://b/base"
ROLES = {"viewer": 0, "user": 1, "op": 2, "admin": 3}


@dataclass
class FakeAirflow:
    """An ``AirflowClient``. A token is ``<role>-<name>``: a viewer reads, a user starts runs, an op edits them."""

    clock: Clock
    dag_runs: dict[tuple[str, str], DagRun] = field(default_factory=dict)
    tasks: dict[tuple[str, str], dict[str, str | None]] = field(default_factory=dict)
    xcoms: dict[tuple[str, str, str, str], JsonValue] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    """Calls that change something: name and arguments."""
    reads: list[str] = field(default_factory=list)
    """Names of the calls that read runs, tasks and XComs."""

    def _role(self, authorization: str, least: int) -> str:
        role, _, name = authorization.removeprefix("Bearer ").partition("-")
        if role not in ROLES or not name:
            raise Failure(401, "Airflow does not accept this token.", code="invalid_api_key")
        if ROLES[role] < least:
            raise Failure(403, f"Airflow refuses this to {name}.", type="permission_error", code="forbidden")
        return name

    @property
    def changes(self) -> int:
        return len(self.calls)

    async def user_name(self, authorization: str) -> str:
        return self._role(authorization, 0)

    async def start_run(self, authorization: str, dag_id: str, run_id: str, conf: Mapping[str, JsonValue]) -> DagRun:
        name = self._role(authorization, 1)
        if (dag_id, run_id) in self.dag_runs:
            raise RunExists
        now = self.clock.now()
        run = DagRun(
            dag_id=dag_id, dag_run_id=run_id, state="queued", run_after=now, queued_at=now,
            conf=dict(conf), triggering_user_name=name,
        )  # fmt: skip
        self.dag_runs[(dag_id, run_id)] = run
        self.calls.append(("start_run", dag_id, run_id))
        return run

    async def run(self, authorization: str, dag_id: str, run_id: str) -> DagRun:
        self._role(authorization, 0)
        self.reads.append("run")
        if (dag_id, run_id) not in self.dag_runs:
            raise Failure(404, f"There is no run {run_id} of {dag_id}.")
        return self.dag_runs[(dag_id, run_id)]

    async def runs(
        self, authorization: str, dag_id: str, *, limit: int = 100, offset: int = 0, states: tuple[str, ...] = (),
        until: datetime | None = None, user: str | None = None,
    ) -> tuple[DagRun, ...]:  # fmt: skip
        self._role(authorization, 0)
        self.reads.append("runs")
        found = [run for run in reversed(self.dag_runs.values()) if run.dag_id == dag_id]
        found = [run for run in found if not states or run.state in states]
        found = [run for run in found if until is None or run.run_after <= until]
        return tuple(run for run in found if user in (None, run.triggering_user_name))[offset : offset + limit]

    async def note_run(self, authorization: str, dag_id: str, run_id: str, note: str) -> None:
        self._role(authorization, 2)
        await self.run(authorization, dag_id, run_id)
        self.calls.append(("note_run", dag_id, run_id, note))

    async def continue_run(self, authorization: str, dag_id: str, run_id: str, *task_ids: str) -> None:
        self._role(authorization, 2)
        self.set_state(dag_id, run_id, "queued")
        self.calls.append(("continue_run", dag_id, run_id, *task_ids))

    async def fail_run(self, authorization: str, dag_id: str, run_id: str) -> None:
        self._role(authorization, 2)
        self.set_state(dag_id, run_id, "failed", self.clock.now())
        self.calls.append(("fail_run", dag_id, run_id))

    async def require_start(self, authorization: str, dag_id: str) -> None:
        self._role(authorization, 1)

    async def require_edit(self, authorization: str, dag_id: str) -> None:
        self._role(authorization, 2)

    async def require_edit_run(self, authorization: str, dag_id: str, run_id: str) -> None:
        self._role(authorization, 2)
        await self.run(authorization, dag_id, run_id)

    async def require_continue_run(self, authorization: str, dag_id: str, run_id: str) -> None:
        await self.require_edit_run(authorization, dag_id, run_id)

    async def task_states(self, authorization: str, dag_id: str, run_id: str) -> dict[str, str | None]:
        self._role(authorization, 0)
        self.reads.append("task_states")
        return self.tasks.get((dag_id, run_id), {})

    async def xcom(self, authorization: str, dag_id: str, run_id: str, task_id: str, key: str) -> JsonValue:
        self._role(authorization, 0)
        self.reads.append("xcom")
        return self.xcoms.get((dag_id, run_id, task_id, key))

    async def health(self) -> dict[str, str]:
        return {"metadatabase": "healthy", "scheduler": "healthy", "triggerer": "healthy", "dag_processor": "healthy"}

    def set_state(self, dag_id: str, run_id: str, state: str, end: datetime | None = None) -> None:
        run = self.dag_runs[(dag_id, run_id)]
        self.dag_runs[(dag_id, run_id)] = run.model_copy(update={"state": state, "end_date": end})


class Decided(dict[tuple[str, str], dict[str, str | None]]):
    """The tasks of runs that are all accepted, or all refused."""

    def __init__(self, state: str) -> None:
        self.state = state

    def get(self, *_: Any) -> Any:
        return {"accept": self.state}


class FakeTokens:
    """Tokens of ``FakeAirflow``: each holds its user."""

    async def user_in(self, token: str) -> dict[str, JsonValue]:
        return {"token": token}

    def signed_for(self, user: dict[str, JsonValue]) -> str:
        return str(user["token"])


@dataclass
class FakeGateway:
    """The application and what is around it."""

    config: Config
    store: MemoryStore
    clock: ManualClock
    airflow: FakeAirflow
    parts: Parts
    client: TestClient

    def as_user(self, name: str, role: str = "user") -> dict[str, str]:
        """Return the headers of a caller."""
        return {"Authorization": f"Bearer {role}-{name}"}


def fake_parts(config: Config, store: ObjectStore, airflow: FakeAirflow, clock: Clock) -> Parts:
    """Return what routes work with, over any store."""
    keys = ApiKeys(store, config.store.base_uri, config.gateway, clock, FakeTokens())
    return Parts(config, store, airflow, Access(airflow, config.admins, keys, clock), clock)


def fake_gateway(*, admins: tuple[str, ...] = (), **sections: object) -> FakeGateway:
    """Return a gateway with an empty store; ``sections`` are those of config.yaml."""
    clock = ManualClock()
    store, airflow = MemoryStore(clock), FakeAirflow(clock)
    given = {"store": {"base_uri": BASE}, "default_model": "small", "admins": admins, **sections}
    config = Config.model_validate({"models": {"small": ModelConfig(uri="hub/small")}, **given})
    parts = fake_parts(config, store, airflow, clock)
    client = TestClient(create_app(lambda: parts), raise_server_exceptions=False)
    return FakeGateway(config, store, clock, airflow, parts, client)
