"""``llmbatch checks``: the weekly and the monthly checks of the runbook, as a report in Markdown."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from llmbatch.cli.client.answers import read
from llmbatch.cli.client.checks_report import Service, Sla, report_of
from llmbatch.cli.client.screen import print_json
from llmbatch.cli.client.session import AsJson, session_of

MOST_JOBS = 1000
"""Finished jobs that the figures are about, the newest."""


class Period(StrEnum):
    """Which checks."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"


def checks(
    context: typer.Context,
    period: Annotated[Period, typer.Argument(help="Which checks.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write into FILE.")] = None,
    as_json: AsJson = False,
) -> None:
    """Report deadlines, throughput, backups, storage, retention and configuration, with what is left to do by hand."""
    with session_of(context).gateway() as gateway:
        service, sla = gateway.get("/checks"), gateway.get("/sla/report", {"format": "json", "jobs": MOST_JOBS})
    if as_json:
        print_json({"period": period.value, "service": service, "sla": sla})
        return
    text = report_of(read(Service, service), read(Sla, sla), is_monthly=period is Period.MONTHLY)
    if out is not None:
        out.write_text(text, encoding="utf-8")
        return
    sys.stdout.write(text)
    sys.stdout.flush()
