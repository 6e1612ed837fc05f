"""Requests: repeated while the service is busy, polled with ETags, and every failure is one line."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.gateway import ATTEMPTS, LONGEST_WAIT, Gateway

BODY = {"error": {"message": "why\x1b[2J", "type": "t", "param": None, "code": None}}


def gateway(answer: Callable[[httpx.Request], httpx.Response], slept: list[float] | None = None) -> Gateway:
    sleeps: list[float] = [] if slept is None else slept
    return Gateway("http://h/llmbatch", "secret", transport=httpx.MockTransport(answer), sleep=sleeps.append)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, Exit.FAILED),
        (401, Exit.UNAUTHORISED),
        (403, Exit.UNAUTHORISED),
        (404, Exit.NOT_FOUND),
        (409, Exit.FAILED),
        (429, Exit.UNAVAILABLE),
        (500, Exit.UNAVAILABLE),
        (503, Exit.UNAVAILABLE),
    ],
)
def test_a_status_has_an_exit_code_and_the_servers_words(status: int, code: Exit) -> None:
    with pytest.raises(CommandError) as caught:
        gateway(lambda _: httpx.Response(status, json=BODY)).get("/jobs")
    assert caught.value.exit_code is code
    assert caught.value.message.startswith(r"why\x1b[2J")
    assert "secret" not in caught.value.message


def test_a_busy_service_is_asked_again_when_it_says() -> None:
    answers = [httpx.Response(503, headers={"Retry-After": "7"}), httpx.Response(429), httpx.Response(200, json={})]
    slept: list[float] = []
    assert gateway(lambda _: answers.pop(0), slept).post("/start", {}) == {}
    assert slept == [7.0, 4.0]


def test_it_is_not_asked_for_ever() -> None:
    slept: list[float] = []
    with pytest.raises(CommandError):
        gateway(lambda _: httpx.Response(503, json=BODY, headers={"Retry-After": "9999"}), slept).get("/jobs")
    assert slept == [LONGEST_WAIT] * (ATTEMPTS - 1)


def test_an_unchanged_answer_is_not_sent_again() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("if-none-match"))
        return httpx.Response(304) if seen[-1] else httpx.Response(200, json={"a": 1}, headers={"ETag": 'W/"1"'})

    client = gateway(answer)
    assert [client.poll("/jobs/j"), client.poll("/jobs/j")] == [{"a": 1}, {"a": 1}]
    assert seen == [None, 'W/"1"']


def test_a_network_error_is_one_line_with_what_to_do() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused\n")

    with pytest.raises(CommandError, match=r"^http://h/llmbatch does not answer: .*Check the address") as caught:
        gateway(answer).get("/jobs")
    assert (caught.value.exit_code, "\n" in caught.value.message) == (Exit.UNAVAILABLE, False)


@pytest.mark.parametrize("status", [200, 404])
def test_another_server_is_recognised(status: int) -> None:
    with pytest.raises(CommandError, match="Is it a llmbatch gateway"):
        gateway(lambda _: httpx.Response(status, text="<html>")).get("/jobs")


def test_the_host_may_have_a_path_and_the_key_is_sent() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[str(request.url), request.headers["authorization"]])

    assert gateway(answer).get("/jobs", {"limit": 1}) == ["http://h/llmbatch/jobs?limit=1", "Bearer secret"]


def test_health_is_read_also_with_a_503() -> None:
    report = {"status": "degraded", "airflow": {}, "store": "unreachable"}
    assert gateway(lambda _: httpx.Response(503, json=report)).health() == report
    with pytest.raises(CommandError, match="why"):
        gateway(lambda _: httpx.Response(503, json=BODY)).health()


def test_a_refused_stream_has_the_servers_words() -> None:
    with (
        pytest.raises(CommandError, match="why"),
        gateway(lambda _: httpx.Response(404, json=BODY)).stream("/x"),
    ):
        pass
