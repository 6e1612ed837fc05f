"""A component: one supervised process and everything the supervisor must know about it."""

import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM

from llmbatch_stack.process.priority import YIELDING
from llmbatch_stack.process.table import MARKER

# Answers None when the component is healthy, else what is wrong. It gets the time (epoch seconds) at which the
# process was started, so that a heartbeat left by its predecessor does not count.
Check = Callable[[float], str | None]


class StepError(RuntimeError):
    """A step before or after a component's start failed; the message is for the user."""


@dataclass(frozen=True)
class Steps:
    """Runs short commands for a component: they end with the supervisor and write to the component's log."""

    log: Path
    marker: str
    stopping: threading.Event

    def command(self, command: tuple[str, ...], environment: Mapping[str, str], user: int | None = None) -> None:
        """Run a command to its end.

        Raises:
            StepError: it failed, or the stack was stopped meanwhile.
        """
        with self.log.open("ab") as log:
            started = subprocess.Popen(
                command,
                env={**environment, MARKER: self.marker},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=user,
                group=user,
                cwd="/",
            )
        while True:
            with suppress(subprocess.TimeoutExpired):
                code = started.wait(0.2)
                break
            if self.stopping.is_set():
                os.killpg(started.pid, SIGKILL)
                started.wait()
                raise StepError(f"{Path(command[0]).name} was stopped with the stack")
        if code != 0:
            words = " ".join([Path(command[0]).name, *command[1:5]])
            raise StepError(f"`{words}` ended with code {code}; see {self.log}")


Step = Callable[[Steps], None]


@dataclass(frozen=True)
class Component:
    """One supervised process.

    `prepare` runs before the process, `finish` after its first healthy check; only then do the components that `need`
    it start. A component of stop wave 1 is stopped after all of wave 0. Its processes have the nice value `niceness`;
    only those of Ray do not yield, because its workers, some of which are engines, inherit the value.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    """It holds secrets."""
    check: Check
    ports: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    prepare: Step | None = None
    finish: Step | None = None
    stop_signal: int = SIGTERM
    stop_wave: int = 0
    grace_s: float = 8.0
    user: int | None = None
    niceness: int = YIELDING
    background: bool = False
    """It answers no requests: its session yields more while it has little to do."""
