"""What every command works with: configuration, gateway, console. A test replaces the transport and the clock."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import httpx
import typer
from rich.console import Console

from llmbatch.cli.client.config import ClientConfig, load
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.gateway import Gateway

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
JobArg = Annotated[str, typer.Argument(metavar="JOB", help="Id of a job: job-…")]


def _free_disk() -> float:
    usage = shutil.disk_usage(".")
    return usage.free / usage.total


@dataclass(frozen=True)
class Session:
    """The surroundings of one command."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    """Seconds since 1970."""
    free_disk: Callable[[], float] = _free_disk
    """Free part, 0 to 1, of the disk of the working folder."""
    is_terminal: bool | None = None
    """None: as stdout is."""

    def config(self) -> ClientConfig:
        """Return the configuration. Raises ``CommandError``."""
        return load(self.environ)

    def gateway(self) -> Gateway:
        """Return the configured gateway as the configured user.

        Raises:
            CommandError: no host is configured.
        """
        config = self.config()
        if not config.host:
            text = f"No gateway is configured. Run `llmbatch login`, or set LLMBATCH_HOST, or host in {config.path}."
            raise CommandError(text, Exit.USAGE)
        return self.at(config.host, config.key)

    def at(self, host: str, key: str) -> Gateway:
        """Return another gateway, or the same as another user."""
        return Gateway(host, key, transport=self.transport, sleep=self.sleep)

    def console(self) -> Console:
        """Return the console of stdout. Text that is not a terminal's is not wrapped."""
        width = None if sys.stdout.isatty() else 200
        return Console(highlight=False, markup=False, emoji=False, force_terminal=self.is_terminal, width=width)


def session_of(context: typer.Context) -> Session:
    """Return the session of a command."""
    session: Session = context.find_root().obj
    return session
