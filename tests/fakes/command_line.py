"""The command ``llmbatch`` over a gateway in process, or over a function that answers requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import JsonValue
from typer.testing import CliRunner

from fakes.gateway import FakeGateway
from llmbatch.cli.client.app import app
from llmbatch.cli.client.config import FILE_VARIABLE, HOST_VARIABLE, KEY_VARIABLE
from llmbatch.cli.client.session import Session

HOST = "http://testserver"
Answer = Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, JsonValue]:
        """The one JSON document of stdout."""
        found: dict[str, JsonValue] = json.loads(self.out)
        return found


@dataclass
class CommandLine:
    """Runs commands. Sleeping moves the clock, and calls ``on_sleep`` with all seconds that were slept."""

    transport: httpx.BaseTransport
    environ: Mapping[str, str]
    on_sleep: Callable[[float], None] = lambda seconds: None
    slept: list[float] = field(default_factory=list)
    wall: float = 0.0
    free_disk: float = 0.5
    is_terminal: bool = False

    def run(self, *words: str, typed: str | None = None, **environ: str) -> Ended:
        """Run one command; ``typed`` is its stdin, ``environ`` adds variables."""
        session = Session(
            environ={**self.environ, **environ}, transport=self.transport, sleep=self._sleep,
            monotonic=lambda: sum(self.slept), wall=lambda: self.wall,
            free_disk=lambda: self.free_disk, is_terminal=self.is_terminal,
        )  # fmt: skip
        done = CliRunner().invoke(app, words, input=typed, obj=session)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ended(done.exit_code, done.stdout, done.stderr)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.on_sleep(sum(self.slept))


def command_line(gateway: FakeGateway, token: str = "op-ann") -> CommandLine:
    """Return the command line of a user; an ``op`` may change jobs."""
    transport = httpx.MockTransport(lambda request: answer_of(gateway, request))
    return CommandLine(transport, {HOST_VARIABLE: HOST, KEY_VARIABLE: token})


def answer_of(gateway: FakeGateway, request: httpx.Request, mounted_at: str = "") -> httpx.Response:
    """Return the answer of the application in process, which is mounted at a path of the host."""
    path = request.url.raw_path.decode().removeprefix(mounted_at)
    answer = gateway.client.request(request.method, path, headers=dict(request.headers), content=request.read())
    return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


def answering(answer: Answer, folder: Path | None = None) -> CommandLine:
    """Return a command line whose requests ``answer`` answers; with ``folder`` its configuration is a file there."""
    environ = {HOST_VARIABLE: HOST, KEY_VARIABLE: "key"}
    if folder is not None:
        environ = {FILE_VARIABLE: str(folder / "client.toml")}
    return CommandLine(httpx.MockTransport(answer), environ)
