"""The checks of ``doctor`` that are about the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx
import pytest

from fakes.command_line import CommandLine, Ended, answering
from llmbatch.cli.client.exits import Exit
from llmbatch.cli.client.service_checks import WATCHDOG, Check, State

ALERTS = "http://alertmanager:9093"
HEALTHY = {"status": "ready", "airflow": {"scheduler": "healthy"}, "store": "healthy"}
WATCHING = {"labels": {"alertname": WATCHDOG, "severity": "none"}}


def firing(name: str, severity: str, **labels: str) -> Mapping[str, object]:
    return {"labels": {"alertname": name, "severity": severity, **labels}, "annotations": {"summary": "s"}}


def doctor(
    *words: str,
    checks: object = (),
    alerts: Sequence[object] | object = (WATCHING,),
    status: int = 200,
    free: float = 0.5,
) -> Ended:
    return line(checks, alerts, status, free).run("doctor", *words)


def line(checks: object, alerts: object, status: int, free: float) -> CommandLine:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "alertmanager":
            assert "authorization" not in request.headers, "the key of the gateway is for the gateway"
            assert (request.url.path, request.url.params["silenced"]) == ("/api/v2/alerts", "false")
            return httpx.Response(status, json=alerts)
        if request.url.path == "/checks":
            return httpx.Response(status, json={"checks": checks})
        return httpx.Response(200, json=HEALTHY if request.url.path == "/health" else {"data": []})

    made = answering(answer)
    made.free_disk = free
    return made


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("look", 0), ("wrong", 1)])
def test_the_state_of_the_service_decides_the_exit_code(state: str, code: int) -> None:
    done = doctor(checks=[{"name": "cluster", "state": state, "text": "Ray answered.", "more": 1}])
    mark = {"ok": "ok   ", "look": "look ", "wrong": "WRONG"}[state]
    assert (done.code, f"{mark} cluster      Ray answered." in done.out) == (code, True)


def test_a_gateway_without_checks_is_one_line() -> None:
    done = doctor(checks="none")
    assert (done.code, "WRONG service" in done.out, "differ in version" in done.out) == (5, True, True)


def test_a_critical_alert_is_wrong_and_comes_first() -> None:
    alerts = [WATCHING, firing("LlmbatchGpuIdle", "warning"), firing("LlmbatchJobStalled", "critical", job_id="job-1")]
    done = doctor("--alertmanager", ALERTS, alerts=alerts)
    assert (done.code, "WRONG alerts       2 active: LlmbatchJobStalled job-1, LlmbatchGpuIdle" in done.out) == (
        1,
        True,
    )


def test_a_warning_is_to_be_looked_at() -> None:
    done = doctor("--alertmanager", ALERTS, alerts=[WATCHING, *[firing("LlmbatchGpuIdle", "warning")] * 12])
    assert (done.code, "look  alerts" in done.out, "and 2 more" in done.out) == (0, True, True)


def test_without_the_watchdog_silence_proves_nothing() -> None:
    assert "ok    alerts" in doctor("--alertmanager", ALERTS).out
    done = doctor("--alertmanager", ALERTS, alerts=[])
    assert (done.code, f"{WATCHDOG} does not fire" in done.out) == (0, True)


@pytest.mark.parametrize(("alerts", "status", "address"), [([], 503, ALERTS), ({"a": 1}, 200, ALERTS), ([], 200, "x")])
def test_an_alertmanager_that_does_not_answer_is_wrong(alerts: object, status: int, address: str) -> None:
    done = doctor("--alertmanager", address, alerts=alerts, status=status)
    assert (done.code != 0, "WRONG alerts" in done.out) == (True, True)


def test_the_variable_names_alertmanager_and_without_it_none_is_read() -> None:
    made = line([], [WATCHING], 200, 0.5)
    assert "alerts" not in made.run("doctor").out
    assert "ok    alerts" in made.run("doctor", LLMBATCH_ALERTMANAGER=ALERTS).out


@pytest.mark.parametrize(("free", "mark", "code"), [(0.5, "ok   ", 0), (0.1, "look ", 0), (0.01, "WRONG", 1)])
def test_a_full_disk_is_reported(free: float, mark: str, code: int) -> None:
    done = doctor(free=free)
    assert (done.code, f"{mark} disk " in done.out) == (code, True)


def test_a_line_is_wrong_before_it_is_to_be_looked_at() -> None:
    assert Check("a", "b", Exit.FAILED, is_notice=True).state is State.WRONG
