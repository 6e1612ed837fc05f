"""``llmbatch doctor``: what is wrong between this machine and a job, and what to do."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import typer
from pydantic import JsonValue

from llmbatch.cli.client.config import ClientConfig, checked_host
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.gateway import Gateway
from llmbatch.cli.client.screen import print_json, print_line
from llmbatch.cli.client.session import AsJson, Session, session_of

SKEW_SECONDS = 60.0
"""Difference of the clocks at which tokens and deadlines are in doubt."""


@dataclass(frozen=True)
class Check:
    """One line. ``exit_code`` is ``OK`` if nothing is wrong; else ``text`` says what to do."""

    name: str
    text: str
    exit_code: Exit = Exit.OK


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check configuration, gateway, clock, credential and permission; exits with the code of the first problem."""
    session = session_of(context)
    checks = list(checks_of(session))
    wrong = next((check.exit_code for check in checks if check.exit_code is not Exit.OK), Exit.OK)
    if as_json:
        lines: list[JsonValue] = [
            {"check": check.name, "ok": check.exit_code is Exit.OK, "text": check.text} for check in checks
        ]
        print_json({"ok": wrong is Exit.OK, "checks": lines})
    else:
        for check in checks:
            print_line(f"{'ok   ' if check.exit_code is Exit.OK else 'WRONG'} {check.name:<12} {check.text}")
    raise typer.Exit(wrong)


def checks_of(session: Session) -> Iterator[Check]:
    """Yield the checks in order; one that needs an earlier one is left out if that fails."""
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
        yield _may_read(gateway, config)


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
