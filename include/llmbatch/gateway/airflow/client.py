"""What the gateway needs of Airflow. Every call has the rights of the user whose ``authorization`` it carries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue

ACTIVE = ("queued", "running")
"""States of a DAG run that is not over."""


class DagRun(BaseModel):
    """One DAG run."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    dag_id: str
    dag_run_id: str
    state: str
    """``queued``, ``running``, ``success`` or ``failed``."""
    run_after: AwareDatetime
    queued_at: AwareDatetime | None = None
    start_date: AwareDatetime | None = None
    end_date: AwareDatetime | None = None
    conf: dict[str, JsonValue] | None = None
    triggering_user_name: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.state not in ACTIVE


class RunExists(Exception):
    """A run with this id exists."""


class AirflowClient(Protocol):
    """Airflow's API. A refusal is a ``Failure`` with Airflow's status (401, 403, 404), a dead Airflow one with 503."""

    @property
    def changes(self) -> int:
        """Number of calls so far that may have changed something: what was read before another one may be outdated."""

    async def user_name(self, authorization: str) -> str:
        """Return the name of the user to whom a token belongs. Raises ``Failure`` 401."""

    async def start_run(self, authorization: str, dag_id: str, run_id: str, conf: Mapping[str, JsonValue]) -> DagRun:
        """Create a run. Raises ``RunExists``, or ``Failure`` 400 with Airflow's reason for bad params."""

    async def run(self, authorization: str, dag_id: str, run_id: str) -> DagRun:
        """Return a run as it is now. Raises ``Failure`` 404."""

    async def runs(
        self,
        authorization: str,
        dag_id: str,
        *,
        limit: int = 100,
        offset: int = 0,
        states: tuple[str, ...] = (),
        until: datetime | None = None,
        user: str | None = None,
    ) -> tuple[DagRun, ...]:
        """Return the newest runs of a DAG by ``run_after``, the newest first; ``limit`` is at most 100.

        ``until`` is the latest ``run_after``. With ``user``, only runs that this user has triggered.
        """

    async def note_run(self, authorization: str, dag_id: str, run_id: str, note: str) -> None:
        """Write the note of a run, which Airflow's audit log keeps. Needs the right to edit the run."""

    async def continue_run(self, authorization: str, dag_id: str, run_id: str, *task_ids: str) -> None:
        """Clear tasks and all tasks after them. Needs the right to edit the run."""

    async def fail_run(self, authorization: str, dag_id: str, run_id: str) -> None:
        """Mark a run as failed, which stops its tasks. Needs the right to edit the run."""

    async def require_start(self, authorization: str, dag_id: str) -> None:
        """Raise ``Failure`` 403 unless the user may start runs of the DAG. Starts none."""

    async def require_edit(self, authorization: str, dag_id: str) -> None:
        """Raise ``Failure`` 403 unless the user may edit the DAG. Changes nothing."""

    async def require_edit_run(self, authorization: str, dag_id: str, run_id: str) -> None:
        """Raise ``Failure`` 403 unless the user may edit the run, 404 if there is none. Changes nothing."""

    async def require_continue_run(self, authorization: str, dag_id: str, run_id: str) -> None:
        """Raise ``Failure`` 403 unless the user may clear tasks of the run, 404 if there is none. Changes nothing."""

    async def task_states(self, authorization: str, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Return the states of the tasks of a run by task id."""

    async def xcom(self, authorization: str, dag_id: str, run_id: str, task_id: str, key: str) -> JsonValue:
        """Return an XCom; None if there is none."""

    async def health(self) -> dict[str, str]:
        """Return the states of Airflow's parts: ``healthy``, ``unhealthy`` or ``unreachable``. Needs no user."""
