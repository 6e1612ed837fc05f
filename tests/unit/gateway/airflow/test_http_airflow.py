"""The client against an api-server that is a function."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TypeVar

import httpx
import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.gateway.airflow.client import RunExists
from llmbatch.gateway.airflow.http_airflow import (
    HEALTH_SECONDS,
    READ_SECONDS,
    USER_SECONDS,
    USER_USABLE_SECONDS,
    HttpAirflow,
)
from llmbatch.gateway.wire.failures import Failure

Result = TypeVar("Result")
RUN = {
    "dag_id": "d",
    "dag_run_id": "r1",
    "state": "queued",
    "run_after": "2030-01-01T00:00:00Z",
    "conf": {"model": "small"},
    "triggering_user_name": "ann",
    "bundle_version": None,
}


class Server:
    """Answers each request with what is set for its method and path, and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answers: dict[str, tuple[int, object]] = {}
        self.error: Exception | None = None
        self.clock = ManualClock()
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.answer), base_url="http://airflow/prefix")
        self.airflow = HttpAirflow(client, self.clock)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        status, body = self.answers.get(f"{request.method} {request.url.path}", (404, {"detail": "Not Found"}))
        return httpx.Response(status, content=body if isinstance(body, bytes) else json.dumps(body).encode())

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]


@pytest.fixture
def server() -> Server:
    return Server()


def done(call: Coroutine[object, object, Result]) -> Result:
    return asyncio.run(call)


def test_the_name_of_a_token_is_remembered_for_some_seconds(server: Server) -> None:
    server.answers["GET /prefix/ui/auth/me"] = (200, {"id": "1", "username": "ann"})
    assert [done(server.airflow.user_name("Bearer t")) for _ in range(2)] == ["ann", "ann"]
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer t"]
    done(server.airflow.user_name("Bearer other"))
    assert len(server.requests) == 2
    server.clock.advance(USER_USABLE_SECONDS)
    done(server.airflow.user_name("Bearer t"))
    assert len(server.requests) == 3


def test_a_revoked_token_is_refused_as_soon_as_airflow_was_asked(server: Server) -> None:
    server.answers["GET /prefix/ui/auth/me"] = (200, {"id": "1", "username": "ann"})

    async def calls() -> None:
        await server.airflow.user_name("Bearer t")
        server.answers["GET /prefix/ui/auth/me"] = (401, {"detail": "Token Expired"})
        server.clock.advance(USER_SECONDS)
        assert await server.airflow.user_name("Bearer t") == "ann"  # a slow api-server makes no request wait
        await asyncio.sleep(0.05)
        with pytest.raises(Failure, match="Token Expired"):
            await server.airflow.user_name("Bearer t")

    asyncio.run(calls())


def test_requests_that_come_together_make_one_call(server: Server) -> None:
    server.answers["GET /prefix/ui/auth/me"] = (200, {"id": "1", "username": "ann"})
    server.answers["GET /prefix/api/v2/dags/d/dagRuns/r1"] = (200, RUN)

    async def together() -> None:
        await asyncio.gather(*(server.airflow.user_name("Bearer t") for _ in range(5)))
        await asyncio.gather(*(server.airflow.run("Bearer t", "d", "r1") for _ in range(5)))
        await asyncio.gather(*(server.airflow.run("Bearer t", "d", "gone") for _ in range(5)), return_exceptions=True)

    asyncio.run(together())
    assert [request.url.path.rpartition("/")[2] for request in server.requests] == ["me", "r1", "gone"]


def test_a_refused_token_is_not_remembered(server: Server) -> None:
    server.answers["GET /prefix/ui/auth/me"] = (401, {"detail": "Token Expired"})
    for _ in range(2):
        with pytest.raises(Failure, match="Token Expired"):
            done(server.airflow.user_name("Bearer t"))
    assert len(server.requests) == 2


def test_a_start(server: Server) -> None:
    server.answers["POST /prefix/api/v2/dags/d/dagRuns"] = (200, RUN)
    run = done(server.airflow.start_run("Bearer t", "d", "r1", {"model": "small"}))
    assert (run.dag_run_id, run.conf, run.is_over) == ("r1", {"model": "small"}, False)
    assert json.loads(server.last.content) == {"dag_run_id": "r1", "logical_date": None, "conf": {"model": "small"}}


def test_a_start_of_a_run_that_exists(server: Server) -> None:
    server.answers["POST /prefix/api/v2/dags/d/dagRuns"] = (409, {"detail": {"reason": "Unique constraint violation"}})
    with pytest.raises(RunExists):
        done(server.airflow.start_run("Bearer t", "d", "r1", {}))


def test_runs_are_the_newest_first(server: Server) -> None:
    server.answers["GET /prefix/api/v2/dags/d/dagRuns"] = (200, {"dag_runs": [RUN], "total_entries": 1})
    until = datetime(2030, 1, 1, tzinfo=UTC)
    assert (
        len(done(server.airflow.runs("Bearer t", "d", limit=7, offset=14, states=("queued", "failed"), until=until)))
        == 1
    )
    assert server.last.url.params.multi_items() == [
        *(("order_by", "-run_after"), ("state", "queued"), ("state", "failed")),
        *(("run_after_lte", "2030-01-01T00:00:00+00:00"), ("limit", "7"), ("offset", "14")),
    ]


def test_runs_of_one_user_are_not_those_of_a_longer_name(server: Server) -> None:
    names = ["ann", "anna"] * 75
    runs = [{**RUN, "dag_run_id": f"r{number}", "triggering_user_name": name} for number, name in enumerate(names)]

    def page(request: httpx.Request) -> httpx.Response:
        server.requests.append(request)
        start = int(request.url.params["offset"])
        return httpx.Response(200, json={"dag_runs": runs[start : start + int(request.url.params["limit"])]})

    client = httpx.AsyncClient(transport=httpx.MockTransport(page), base_url="http://airflow")
    airflow = HttpAirflow(client, server.clock)
    found = done(airflow.runs("Bearer t", "d", limit=3, offset=48, user="ann"))
    assert [run.dag_run_id for run in found] == ["r96", "r98", "r100"]
    assert [request.url.params["offset"] for request in server.requests] == ["0", "100"]
    assert server.last.url.params["triggering_user_name_prefix_pattern"] == "ann"
    assert len(done(airflow.runs("Bearer t", "d", limit=100, user="ann"))) == 75


def test_a_run_is_stopped(server: Server) -> None:
    server.answers["PATCH /prefix/api/v2/dags/d/dagRuns/r1"] = (200, RUN)
    done(server.airflow.fail_run("Bearer t", "d", "r1"))
    assert json.loads(server.last.content) == {"state": "failed"}


def test_a_read_is_remembered_for_its_user_and_some_seconds(server: Server) -> None:
    server.answers["GET /prefix/api/v2/dags/d/dagRuns/r1"] = (200, RUN)
    server.answers["GET /prefix/api/v2/dags/d/dagRuns"] = (200, {"dag_runs": [RUN]})
    reads = (
        lambda: server.airflow.run("Bearer t", "d", "r1"),
        lambda: server.airflow.run("Bearer other", "d", "r1"),
        lambda: server.airflow.runs("Bearer t", "d"),
        lambda: server.airflow.runs("Bearer t", "d", states=("queued",)),
    )
    for _ in range(2):
        for read in reads:
            done(read())
    assert len(server.requests) == len(reads)
    server.clock.advance(READ_SECONDS)
    done(server.airflow.run("Bearer t", "d", "r1"))
    assert len(server.requests) == len(reads) + 1


def test_a_change_ends_what_is_remembered(server: Server) -> None:
    server.answers["GET /prefix/api/v2/dags/d/dagRuns/r1"] = (200, RUN)
    server.answers["PATCH /prefix/api/v2/dags/d/dagRuns/r1"] = (200, RUN)
    for call in (server.airflow.run("Bearer t", "d", "r1"), server.airflow.note_run("Bearer x", "d", "r1", "n")):
        done(call)
    server.answers["GET /prefix/api/v2/dags/d/dagRuns/r1"] = (200, {**RUN, "state": "failed"})
    assert done(server.airflow.run("Bearer t", "d", "r1")).state == "failed"


def test_a_run_that_is_not_there_is_not_remembered(server: Server) -> None:
    with pytest.raises(Failure):
        done(server.airflow.run("Bearer t", "d", "r1"))
    server.answers["GET /prefix/api/v2/dags/d/dagRuns/r1"] = (200, RUN)
    assert done(server.airflow.run("Bearer t", "d", "r1")).state == "queued"


def test_a_note(server: Server) -> None:
    server.answers["PATCH /prefix/api/v2/dags/d/dagRuns/r1"] = (200, RUN)
    done(server.airflow.note_run("Bearer t", "d", "r1", "n" * 1200))
    assert json.loads(server.last.content) == {"note": "n" * 1000}


def test_a_run_goes_on_after_a_task(server: Server) -> None:
    server.answers["POST /prefix/api/v2/dags/d/clearTaskInstances"] = (200, {"task_instances": [], "total_entries": 0})
    done(server.airflow.continue_run("Bearer t", "d", "r1", "run"))
    sent = json.loads(server.last.content)
    assert (sent["dag_run_id"], sent["task_ids"], sent["include_downstream"]) == ("r1", ["run"], True)
    assert (sent["dry_run"], sent["only_failed"]) == (False, False)


@pytest.mark.parametrize("status", [200, 400])
def test_who_may_edit_passes(server: Server, status: int) -> None:
    server.answers["PATCH /prefix/api/v2/dags/d"] = (status, {"detail": "Only `is_paused` field can be updated"})
    done(server.airflow.require_edit("Bearer t", "d"))
    assert server.last.url.params["update_mask"] not in {"is_paused", ""}


@pytest.mark.parametrize("status", [403, 404, 500])
def test_who_may_not_edit_does_not_pass(server: Server, status: int) -> None:
    server.answers["PATCH /prefix/api/v2/dags/d"] = (status, {"detail": "x"})
    with pytest.raises(Failure):
        done(server.airflow.require_edit("Bearer t", "d"))


@pytest.mark.parametrize(("status", "refused"), [(422, None), (403, 403), (404, 404), (500, 503)])
def test_who_may_start_is_seen_without_a_start(server: Server, status: int, refused: int | None) -> None:
    server.answers["POST /prefix/api/v2/dags/d/dagRuns"] = (status, {"detail": "logical_date: Field required"})
    if refused is None:
        done(server.airflow.require_start("Bearer t", "d"))
    else:
        with pytest.raises(Failure) as caught:
            done(server.airflow.require_start("Bearer t", "d"))
        assert caught.value.status == refused
    assert server.last.content == b"{}"


@pytest.mark.parametrize(("status", "refused"), [(200, None), (422, None), (403, 403), (404, 404), (500, 503)])
def test_who_may_edit_or_continue_a_run_is_seen_by_a_dry_run(server: Server, status: int, refused: int | None) -> None:
    for path, question in (
        ("dags/d/dagRuns/r1/clear", server.airflow.require_edit_run),
        ("dags/d/clearTaskInstances", server.airflow.require_continue_run),
    ):
        server.answers[f"POST /prefix/api/v2/{path}"] = (status, {"detail": "x"})
        if refused is None:
            done(question("Bearer t", "d", "r1"))
        else:
            with pytest.raises(Failure) as caught:
                done(question("Bearer t", "d", "r1"))
            assert caught.value.status == refused
        assert json.loads(server.last.content)["dry_run"] is True


def test_a_question_about_rights_leaves_what_is_remembered(server: Server) -> None:
    server.answers["GET /prefix/api/v2/dags/d/dagRuns/r1"] = (200, RUN)
    server.answers["POST /prefix/api/v2/dags/d/dagRuns/r1/clear"] = (200, {})
    done(server.airflow.run("Bearer t", "d", "r1"))
    done(server.airflow.require_edit_run("Bearer t", "d", "r1"))
    done(server.airflow.run("Bearer t", "d", "r1"))
    assert [request.method for request in server.requests] == ["GET", "POST"]


def test_task_states(server: Server) -> None:
    tasks = [{"task_id": "accept", "state": "success"}, {"task_id": "run", "state": None}]
    server.answers["GET /prefix/api/v2/dags/d/dagRuns/r1/taskInstances"] = (200, {"task_instances": tasks})
    assert done(server.airflow.task_states("Bearer t", "d", "r1")) == {"accept": "success", "run": None}


def test_an_xcom_and_none(server: Server) -> None:
    path = "GET /prefix/api/v2/dags/d/dagRuns/r1/taskInstances/accept/xcomEntries/return_value"
    assert done(server.airflow.xcom("Bearer t", "d", "r1", "accept", "return_value")) is None
    server.answers[path] = (200, {"key": "return_value", "value": {"a": [1]}})
    assert done(server.airflow.xcom("Bearer t", "d", "r1", "accept", "return_value")) == {"a": [1]}
    server.answers[path] = (403, {"detail": "Forbidden"})
    with pytest.raises(Failure, match="may not read XCom"):
        done(server.airflow.xcom("Bearer t", "d", "r1", "accept", "return_value"))


def test_health_is_remembered_for_some_seconds(server: Server) -> None:
    parts = {"metadatabase": {"status": "healthy"}, "triggerer": {"status": None}, "dag_processor": None}
    server.answers["GET /prefix/api/v2/monitor/health"] = (200, parts)
    for _ in range(2):
        assert done(server.airflow.health()) == {"metadatabase": "healthy", "triggerer": "unhealthy"}
    assert len(server.requests) == 1
    assert "authorization" not in server.last.headers
    server.clock.advance(HEALTH_SECONDS)
    server.error = httpx.ConnectError("refused")
    assert done(server.airflow.health()) == {"api_server": "unreachable"}


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
def test_a_dead_airflow_is_503(server: Server, error: Exception) -> None:
    server.error = error
    with pytest.raises(Failure, match=type(error).__name__) as caught:
        done(server.airflow.run("Bearer t", "d", "r1"))
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("body", [b"<html>", b"{}", json.dumps({**RUN, "run_after": "never"}).encode()])
def test_an_answer_that_cannot_be_read_is_503(server: Server, body: bytes) -> None:
    server.answers["GET /prefix/api/v2/dags/d/dagRuns/r1"] = (200, body)
    with pytest.raises(Failure, match="cannot be read") as caught:
        done(server.airflow.run("Bearer t", "d", "r1"))
    assert caught.value.status == 503


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a%2Fb", "a?b", "é", "a\nb", "x" * 251])
def test_a_name_cannot_leave_its_place_in_the_path(server: Server, name: str) -> None:
    calls: list[Callable[[], Coroutine[object, object, object]]] = [
        lambda: server.airflow.run("Bearer t", "d", name),
        lambda: server.airflow.run("Bearer t", name, "r"),
        lambda: server.airflow.xcom("Bearer t", "d", "r", name, "k"),
        lambda: server.airflow.xcom("Bearer t", "d", "r", "t", name),
    ]
    for call in calls:
        with pytest.raises(Failure) as caught:
            done(call())
        assert caught.value.status == 404
    assert server.requests == []
