"""A small client of Airflow's public REST API: what the demo, the benchmarks and the end-to-end tests need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

TERMINAL_STATES = frozenset({"success", "failed"})


@dataclass(frozen=True)
class DagRun:
    """One DAG run as the API returns it."""

    dag_id: str
    run_id: str
    state: str

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.state in TERMINAL_STATES


@dataclass(frozen=True)
class TaskState:
    """One task of a run. ``attempt`` counts tries from 1; times are None before it starts or ends."""

    task_id: str
    state: str | None
    attempt: int
    started: datetime | None
    ended: datetime | None

    @property
    def seconds(self) -> float | None:
        """Duration, once it has ended."""
        return (self.ended - self.started).total_seconds() if self.started and self.ended else None


class AirflowApi:
    """Calls Airflow as one user; a context manager. Raises ``httpx.HTTPStatusError`` with Airflow's text."""

    def __init__(self, base_url: str, username: str, password: str) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=60)
        answer = self._client.post("/auth/token", json={"username": username, "password": password})
        self.token = str(_checked(answer).json()["access_token"])
        """Of this user, for a day."""
        self._client.headers["Authorization"] = f"Bearer {self.token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def trigger(self, dag_id: str, conf: dict[str, object], run_id: str | None = None) -> DagRun:
        """Start a run with ``conf``; the run id is Airflow's choice unless given."""
        body: dict[str, object] = {"logical_date": None, "conf": conf}
        if run_id is not None:
            body["dag_run_id"] = run_id
        answer = _checked(self._client.post(f"/api/v2/dags/{dag_id}/dagRuns", json=body)).json()
        return DagRun(dag_id, answer["dag_run_id"], answer["state"])

    def run(self, dag_id: str, run_id: str) -> DagRun:
        """Return the run as it is now."""
        answer = _checked(self._client.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")).json()
        return DagRun(dag_id, run_id, answer["state"])

    def clear_run(self, dag_id: str, run_id: str) -> None:
        """Let every task of the run run again, as the button "Clear" does."""
        _checked(self._client.post(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/clear", json={"dry_run": False}))

    def tasks(self, dag_id: str, run_id: str) -> dict[str, TaskState]:
        """Return the task instances of a run by task id."""
        answer = _checked(self._client.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")).json()
        return {
            item["task_id"]: TaskState(
                item["task_id"], item["state"], item["try_number"], _time(item["start_date"]), _time(item["end_date"])
            )
            for item in answer["task_instances"]
        }

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> str:
        """Return the log of one try of a task as plain text."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        answer = _checked(self._client.get(path, params={"full_content": "true"})).json()
        return "\n".join(line for entry in answer["content"] for line in _log_lines(entry))

    def clear(self, dag_id: str, run_id: str, task_ids: Sequence[str]) -> None:
        """Clear tasks of a run and all tasks after them; a finished run continues."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": list(task_ids),
            "only_failed": False,
            "include_downstream": True,
        }
        _checked(self._client.post(f"/api/v2/dags/{dag_id}/clearTaskInstances", json=body))

    def mark_task(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Set the state of a task as a user does in the UI: ``success`` or ``failed``."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        _checked(self._client.patch(path, json={"new_state": state}))

    def mark_run(self, dag_id: str, run_id: str, state: str) -> None:
        """Set the state of a run as a user does in the UI."""
        _checked(self._client.patch(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", json={"state": state}))

    def delete_run(self, dag_id: str, run_id: str) -> None:
        """Delete a run that is over; Airflow refuses to delete a running one."""
        _checked(self._client.delete(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"))

    def runs(self, dag_id: str) -> dict[str, str]:
        """Return the states of the newest 100 runs of a DAG by run id."""
        newest: dict[str, str | int] = {"limit": 100, "order_by": "-id"}
        answer = _checked(self._client.get(f"/api/v2/dags/{dag_id}/dagRuns", params=newest)).json()
        return {item["dag_run_id"]: item["state"] for item in answer["dag_runs"]}

    def update_asset(self, name: str, extra: dict[str, object]) -> None:
        """Record an event of the asset with this name, as the button "Create asset event" does."""
        found = _checked(self._client.get("/api/v2/assets", params={"name_pattern": name})).json()["assets"]
        asset = next(item["id"] for item in found if item["name"] == name)
        _checked(self._client.post("/api/v2/assets/events", json={"asset_id": asset, "extra": extra}))

    def add_connection(self, connection: Mapping[str, object]) -> None:
        """Add an Airflow connection: ``connection_id``, ``conn_type``, ``host``, ``port``, ``login``, ``password``."""
        _checked(self._client.post("/api/v2/connections", json=dict(connection)))

    def get(self, path: str) -> httpx.Response:
        """Call any other GET of the API."""
        return _checked(self._client.get(path))


def _log_lines(entry: dict[str, Any] | str) -> Iterator[str]:
    """Yield the text of one log entry, and the message of the exception that it carries."""
    if isinstance(entry, str):
        yield entry
        return
    text = str(entry.get("event", ""))
    if not text.startswith(("::group::", "::endgroup::")):
        yield text
    for error in entry.get("error_detail") or ():
        yield f"{error['exc_type']}: {error['exc_value']}"


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        text = f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text[:500]}"
        raise httpx.HTTPStatusError(text, request=answer.request, response=answer)
    return answer
