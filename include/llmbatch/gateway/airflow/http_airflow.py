"""Airflow's public REST API as an ``AirflowClient``."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

import httpx
from pydantic import JsonValue

from llmbatch.core.clock import Clock
from llmbatch.core.shown import shown
from llmbatch.gateway.airflow.answers import Health, Runs, Tasks, User, XCom, read
from llmbatch.gateway.airflow.client import DagRun, RunExists
from llmbatch.gateway.airflow.paths import dag_path, run_path, segment
from llmbatch.gateway.airflow.questions import Question, may_continue_run, may_edit, may_edit_run, may_start
from llmbatch.gateway.airflow.refusals import failure_of
from llmbatch.gateway.wire.failures import Failure, unavailable
from llmbatch.gateway.wire.shared import Shared

CALL_SECONDS = 30.0
"""Longest time of one call."""

USER_SECONDS = 5.0
"""Time after which Airflow is asked again for the name of a token's user."""

USER_USABLE_SECONDS = 10.0
"""Time for which requests get the old name while Airflow is asked: the longest use of a token that was revoked."""

READ_SECONDS = 2.0
"""How long a user's read of runs is remembered, unless this process changes something. Clients poll many jobs."""

READ_BYTES = 16 * 1024 * 1024
"""Most bytes of all answers that are remembered."""

HEALTH_SECONDS = 2.0
"""How long the health is remembered: anyone may read it."""

PAGE = 100
"""Most runs that Airflow returns at a time."""


class HttpAirflow:
    """Calls Airflow's REST API with the caller's own token.

    Args:
        client: has the base address of the api-server and the transport to it.
        clock: for what is remembered a few seconds.
    """

    def __init__(self, client: httpx.AsyncClient, clock: Clock) -> None:
        self._client = client
        self.changes = 0
        # requests that come together make one call: a slow api-server is not asked more, the slower it gets
        self._users: Shared[str] = Shared(USER_SECONDS, 4096, clock, usable=USER_USABLE_SECONDS, is_per_caller=True)
        self._reads: Shared[bytes] = Shared(READ_SECONDS, READ_BYTES, clock, size=len, is_per_caller=True)
        self._health: Shared[dict[str, str]] = Shared(HEALTH_SECONDS, 1, clock)

    async def user_name(self, authorization: str) -> str:
        """Return the name of the user to whom a token belongs."""

        async def ask() -> str:
            answer = await self._call("GET", "/ui/auth/me", authorization, "read your own name")
            return read(User, answer).username

        return await self._users.get(_digest(authorization), ask)

    async def start_run(self, authorization: str, dag_id: str, run_id: str, conf: Mapping[str, JsonValue]) -> DagRun:
        """Create a run."""
        try:
            answer = await self._call(
                "POST",
                f"{dag_path(dag_id)}/dagRuns",
                authorization,
                f"start a run of {dag_id}",
                body={"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)},
            )
        except Failure as failure:
            if failure.status == 409:
                raise RunExists(run_id) from failure
            raise
        return read(DagRun, answer)

    async def run(self, authorization: str, dag_id: str, run_id: str) -> DagRun:
        """Return a run as it is now."""
        what = f"read run {shown(run_id, 250)} of {dag_id}"
        return read(DagRun, await self._remembered(run_path(dag_id, run_id), authorization, what))

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
        """Return the newest runs of a DAG by ``run_after``, the newest first."""
        pairs = [("order_by", "-run_after"), *(("state", state) for state in states)]
        if until is not None:
            pairs.append(("run_after_lte", until.isoformat()))
        if user is None:
            return await self._page(authorization, dag_id, pairs, limit, offset)
        # Airflow compares beginnings of names; what it finds is more than what is wanted
        pairs.append(("triggering_user_name_prefix_pattern", user))
        found: list[DagRun] = []
        read, more = 0, True
        while more and len(found) < offset + limit:
            page = await self._page(authorization, dag_id, pairs, PAGE, read)
            found += (run for run in page if run.triggering_user_name == user)
            read, more = read + PAGE, len(page) == PAGE
        return tuple(found[offset : offset + limit])

    async def _page(
        self, authorization: str, dag_id: str, pairs: Sequence[tuple[str, str]], limit: int, offset: int
    ) -> tuple[DagRun, ...]:
        what = f"read runs of {dag_id}"
        query = [*pairs, ("limit", str(limit)), ("offset", str(offset))]
        answer = await self._remembered(f"{dag_path(dag_id)}/dagRuns", authorization, what, query)
        return read(Runs, answer).dag_runs

    async def note_run(self, authorization: str, dag_id: str, run_id: str, note: str) -> None:
        """Write the note of a run, of which Airflow keeps 1,000 characters."""
        what = f"change run {shown(run_id, 250)} of {dag_id}"
        await self._call("PATCH", run_path(dag_id, run_id), authorization, what, body={"note": note[:1000]})

    async def fail_run(self, authorization: str, dag_id: str, run_id: str) -> None:
        """Mark a run as failed, which stops its tasks."""
        what = f"stop run {shown(run_id, 250)} of {dag_id}"
        await self._call("PATCH", run_path(dag_id, run_id), authorization, what, body={"state": "failed"})

    async def continue_run(self, authorization: str, dag_id: str, run_id: str, *task_ids: str) -> None:
        """Clear tasks, in whatever state they are, and all tasks after them."""
        body: dict[str, JsonValue] = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": [*task_ids],
            "include_downstream": True,
            "only_failed": False,
        }
        what = f"clear task {shown(', '.join(task_ids), 250)} of run {shown(run_id, 250)} of {dag_id}"
        await self._call("POST", f"{dag_path(dag_id)}/clearTaskInstances", authorization, what, body=body)

    async def require_start(self, authorization: str, dag_id: str) -> None:
        """Raise ``Failure`` 403 unless the user may start runs of the DAG."""
        await self._ask(authorization, may_start(dag_id))

    async def require_edit(self, authorization: str, dag_id: str) -> None:
        """Raise ``Failure`` 403 unless the user may edit the DAG."""
        await self._ask(authorization, may_edit(dag_id))

    async def require_edit_run(self, authorization: str, dag_id: str, run_id: str) -> None:
        """Raise ``Failure`` 403 unless the user may edit the run, 404 if there is none."""
        await self._ask(authorization, may_edit_run(dag_id, run_id))

    async def require_continue_run(self, authorization: str, dag_id: str, run_id: str) -> None:
        """Raise ``Failure`` 403 unless the user may clear tasks of the run, 404 if there is none."""
        await self._ask(authorization, may_continue_run(dag_id, run_id))

    async def _ask(self, authorization: str, asked: Question) -> None:
        try:
            await self._call(
                asked.method, asked.path, authorization, asked.what, query=asked.query, body=asked.body, changes=False
            )
        except Failure as failure:
            if failure.status != 400:
                raise

    async def task_states(self, authorization: str, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Return the states of the tasks of a run by task id."""
        what = f"read tasks of run {shown(run_id, 250)} of {dag_id}"
        path = f"{run_path(dag_id, run_id)}/taskInstances"
        answer = await self._remembered(path, authorization, what, [("limit", "100")])
        return {task.task_id: task.state for task in read(Tasks, answer).task_instances}

    async def xcom(self, authorization: str, dag_id: str, run_id: str, task_id: str, key: str) -> JsonValue:
        """Return an XCom; None if there is none."""
        path = f"{run_path(dag_id, run_id)}/taskInstances/{segment(task_id)}/xcomEntries/{segment(key)}"
        what = f"read XCom {shown(key, 250)} of run {shown(run_id, 250)} of {dag_id}"
        try:
            answer = await self._call("GET", path, authorization, what, query=[("deserialize", "true")])
        except Failure as failure:
            if failure.status == 404:
                return None
            raise
        return read(XCom, answer).value

    async def health(self) -> dict[str, str]:
        """Return the states of Airflow's parts."""

        async def ask() -> dict[str, str]:
            try:
                parts = read(Health, await self._call("GET", "/api/v2/monitor/health", None, "report its health")).root
            except Failure:
                return {"api_server": "unreachable"}
            return {name: part.status or "unhealthy" for name, part in parts.items() if part is not None}

        return await self._health.get("", ask)

    async def _remembered(
        self, path: str, authorization: str, what: str, query: Sequence[tuple[str, str]] = ()
    ) -> bytes:
        """Return the body of Airflow's answer to this user, at most ``READ_SECONDS`` old. Raises ``Failure``."""
        key = (_digest(authorization), path, repr(query))
        return await self._reads.get(key, lambda: self._call("GET", path, authorization, what, query=query))

    async def _call(
        self,
        method: str,
        path: str,
        authorization: str | None,
        what: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, JsonValue] | None = None,
        changes: bool = True,
    ) -> bytes:
        """Return the body of Airflow's answer. Raises ``Failure``."""
        headers = {} if authorization is None else {"Authorization": authorization}
        try:
            async with asyncio.timeout(CALL_SECONDS):
                answer = await self._client.request(method, path, params=list(query), json=body, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            raise unavailable(
                f"Airflow's api-server could not {what}: {type(error).__name__}. Repeat the request."
            ) from error
        if method != "GET" and changes:
            self.changes += 1
            self._reads.clear()
        if not answer.is_success:
            raise failure_of(answer.status_code, answer.content, what)
        return answer.content


def _digest(authorization: str) -> bytes:
    return hashlib.sha256(authorization.encode()).digest()
