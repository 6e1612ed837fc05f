"""``llmbatch doctor``: what is wrong between this machine and a job and in the service, and what to do."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Annotated

import typer
from pydantic import JsonValue

from llmbatch.cli.client.config import ClientConfig, checked_host
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.gateway import Gateway
from llmbatch.cli.client.screen import print_json, print_line
from llmbatch.cli.client.service_checks import (
    Check,
    State,
    alert_check,
    alertmanager_of,
    disk_check,
    service_checks,
)
from llmbatch.cli.client.session import AsJson, Session, session_of

SKEW_SECONDS = 60.0
"""Difference of the clocks at which tokens and deadlines are in doubt."""

MARKS = {State.OK: "ok   ", State.LOOK: "look ", State.WRONG: "WRONG"}
"""First word of a line."""


Alertmanager = Annotated[
    str,
    typer.Option(
        metavar="URL", help="Address of Alertmanager, whose active alerts are listed; or LLMBATCH_ALERTMANAGER."
    ),
]


def doctor(context: typer.Context, alertmanager: Alertmanager = "", as_json: AsJson = False) -> None:
    """Make the daily checks: this machine, then the service; exits with the code of the first thing that is wrong.

    A line `look` is for a person to read, and does not change the exit code.
    """
    session = session_of(context)
    checks = list(checks_of(session, alertmanager))
    wrong = next((check.exit_code for check in checks if check.state is State.WRONG), Exit.OK)
    if as_json:
        lines: list[JsonValue] = [
            {"check": one.name, "ok": one.state is State.OK, "state": one.state.value, "text": one.text}
            for one in checks
        ]
        print_json({"ok": wrong is Exit.OK, "checks": lines})
    else:
        for check in checks:
            print_line(f"{MARKS[check.state]} {check.name:<12} {check.text}")
    raise typer.Exit(wrong)


def checks_of(session: Session, alertmanager: str) -> Iterator[Check]:
    """Yield the checks in order; one that needs an earlier one is left out if that fails."""
    yield from _of_gateway(session)
    yield disk_check(session)
    if address := alertmanager_of(session, alertmanager):
        yield alert_check(session, address)


def _of_gateway(session: Session) -> Iterator[Check]:
    try:
        config = session.config()
        host = checked_host(config.host) if config.host else ""
    except CommandError as error:
        yield Check("config", error.message, error.exit_code)
        return
    yield _configured(config)
    if not host:
        return
    with session.at(host, config.key) as gateway:
        service = _health(gateway)
        yield service
        if service.exit_code is not Exit.OK and service.text.endswith("repeat."):
            return
        yield _clock(session, gateway)
        credential = _may_read(gateway, config)
        yield credential
        if credential.state is State.OK:
            yield from service_checks(gateway)


def _configured(config: ClientConfig) -> Check:
    if not config.host:
        text = f"no host. Run `llmbatch login`, or set LLMBATCH_HOST, or host in {config.path}."
        return Check("config", text, Exit.USAGE)
    if config.path.exists() and stat.S_IMODE(config.path.stat().st_mode) & 0o077:
        text = f"other users may read {config.path}. Run chmod 600 {config.path}, and revoke the key if in doubt."
        return Check("config", text, Exit.USAGE)
    return Check("config", f"{config.host}, file {config.path}{'' if config.path.exists() else ' (absent)'}")


def _health(gateway: Gateway) -> Check:
    try:
        found = gateway.health()
    except CommandError as error:
        return Check("gateway", error.message, error.exit_code)
    airflow = found.get("airflow") if isinstance(found, dict) else None
    parts = {**(airflow if isinstance(airflow, dict) else {})}
    if isinstance(found, dict) and "store" in found:
        parts["store"] = found["store"]
    sick = {name: state for name, state in parts.items() if state != "healthy"}
    if sick:
        text = ", ".join(f"{name} is {state}" for name, state in sick.items())
        return Check("gateway", f"{text}. Tell the operator, and see the log of that part.", Exit.UNAVAILABLE)
    return Check("gateway", f"ready: {', '.join(parts)}")


def _clock(session: Session, gateway: Gateway) -> Check:
    date = gateway.date()
    if date is None:
        return Check("clock", "not checked: the server sends no date")
    skew = session.wall() - parsedate_to_datetime(date).timestamp()
    if abs(skew) > SKEW_SECONDS:
        way = "ahead of" if skew > 0 else "behind"
        text = f"this machine is {abs(skew):.0f} s {way} the server. Correct its clock (NTP)."
        return Check("clock", text, Exit.FAILED)
    return Check("clock", f"{abs(skew):.0f} s from the server's")


def _may_read(gateway: Gateway, config: ClientConfig) -> Check:
    if not config.key:
        return Check("credential", "no key. Run `llmbatch login`, or set LLMBATCH_API_KEY.", Exit.UNAUTHORISED)
    try:
        gateway.get("/jobs", {"limit": 1})
    except CommandError as error:
        return Check("credential", error.message, error.exit_code)
    return Check("credential", "accepted, and it may read jobs")
