"""The checks of ``llmbatch doctor`` that are about the service: the gateway's, active alerts, disks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from llmbatch.cli.client.answers import Answer, read
from llmbatch.cli.client.config import checked_host
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.gateway import Gateway
from llmbatch.cli.client.session import Session
from llmbatch.core.shown import shown

ALERTMANAGER_VARIABLE = "LLMBATCH_ALERTMANAGER"
WATCHDOG = "LlmbatchWatchdog"
"""The alert that always fires: without it, no alert reaches Alertmanager."""
DISK_LOOK, DISK_WRONG = 0.15, 0.05
"""Free part of this machine's disk below which it is reported."""

_MOST_ALERTS = 10


class State(StrEnum):
    """``look`` is for a person to read, and does not change the exit code."""

    OK = "ok"
    LOOK = "look"
    WRONG = "wrong"


@dataclass(frozen=True)
class Check:
    """One line. ``exit_code`` is ``OK`` unless something is wrong; ``text`` says what to do."""

    name: str
    text: str
    exit_code: Exit = Exit.OK
    is_notice: bool = False

    @property
    def state(self) -> State:
        """The state that the line shows."""
        if self.exit_code is not Exit.OK:
            return State.WRONG
        return State.LOOK if self.is_notice else State.OK


class _ServiceCheck(Answer):
    name: str
    state: State
    text: str


class _ServiceChecks(Answer):
    checks: tuple[_ServiceCheck, ...]


class _Alert(Answer):
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)

    @property
    def line(self) -> str:
        job = f" {self.labels['job_id']}" if "job_id" in self.labels else ""
        return f"{self.labels.get('alertname', '?')}{job}"


_ALERTS: TypeAdapter[list[_Alert]] = TypeAdapter(list[_Alert])


def service_checks(gateway: Gateway) -> Iterator[Check]:
    """Yield the checks of the service, ``GET /checks``; one line if they cannot be had."""
    try:
        found = read(_ServiceChecks, gateway.get("/checks"))
    except CommandError as error:
        yield Check("service", error.message, error.exit_code)
        return
    for one in found.checks:
        code = Exit.FAILED if one.state is State.WRONG else Exit.OK
        yield Check(one.name, one.text, code, is_notice=one.state is State.LOOK)


def alertmanager_of(session: Session, given: str) -> str:
    """Return the address of Alertmanager from the option, else from the variable; empty: none is configured."""
    return given or session.environ.get(ALERTMANAGER_VARIABLE, "")


def alert_check(session: Session, address: str) -> Check:
    """List the active alerts of Alertmanager; a critical one is wrong."""
    try:
        with session.at(checked_host(address), "") as alertmanager:
            found = _alerts(
                alertmanager.get("/api/v2/alerts", {"active": "true", "silenced": "false", "inhibited": "false"})
            )
    except CommandError as error:
        return Check("alerts", error.message, error.exit_code)
    others = [one for one in found if one.labels.get("alertname") != WATCHDOG]
    critical = [one for one in others if one.labels.get("severity") == "critical"]
    if others:
        rest = len(others) - _MOST_ALERTS
        each = ", ".join(
            one.line for one in (*critical, *(one for one in others if one not in critical))[:_MOST_ALERTS]
        )
        text = f"{len(others)} active: {shown(each)}{f' and {rest} more' if rest > 0 else ''}. See docs/runbooks."
        return Check("alerts", text, Exit.FAILED if critical else Exit.OK, is_notice=True)
    if len(others) == len(found):
        text = f"none, but {WATCHDOG} does not fire either: Prometheus does not reach {address}. See docs/runbooks."
        return Check("alerts", text, is_notice=True)
    return Check("alerts", f"none is active, and {WATCHDOG} arrives")


def disk_check(session: Session) -> Check:
    """Judge the free part of the disk of the working folder."""
    free = session.free_disk()
    code = Exit.FAILED if free < DISK_WRONG else Exit.OK
    what = " Remove old logs: docs/runbooks/LlmbatchDiskFull.md." if free < DISK_LOOK else ""
    return Check("disk", f"{100 * free:.0f} % of this machine's disk is free.{what}", code, is_notice=free < DISK_LOOK)


def _alerts(document: JsonValue) -> list[_Alert]:
    try:
        return _ALERTS.validate_python(document)
    except ValidationError:
        raise CommandError(
            "The address of Alertmanager does not answer with alerts. Check it.", Exit.UNAVAILABLE
        ) from None
