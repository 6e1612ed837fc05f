"""Waiting until components are ready, one call at a time."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llmbatch_stack.process import record
from llmbatch_stack.process.record import ComponentPhase, Record
from llmbatch_stack.process.table import ProcessIdentity
from llmbatch_stack.settings import Settings

_GIVE_UP_AFTER_RESTARTS = 3
_LOG_TAIL_LINES = 15

Report = Callable[[str], None]


class StackError(RuntimeError):
    """The stack cannot be started; the message names the cause and the remedy."""


@contextmanager
def one_at_a_time(settings: Settings) -> Iterator[None]:
    """Hold the lock of everything that starts components."""
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.state / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_until_ready(settings: Settings, names: list[str], supervisor: ProcessIdentity | None, report: Report) -> None:
    """Follow the records until all are ready, reporting each step once.

    Raises:
        StackError: the supervisor ended, or a component failed repeatedly or for too long.
    """
    began = time.monotonic()
    deadline = began + settings.start_timeout_s
    reported: set[str] = set()
    before = {name: one.restarts for name, one in record.read_all(settings.run).items()}
    while True:
        records = record.read_all(settings.run)
        for name in names:
            one = records.get(name)
            if one is None or name in reported:
                continue
            if _is_ready(one):
                reported.add(name)
                report(f"  {name:<22} ready after {time.monotonic() - began:5.1f} s")
            elif one.restarts - before.get(name, 0) >= _GIVE_UP_AFTER_RESTARTS:
                raise StackError(_explain(settings, one))
        if len(reported) == len(names):
            return
        if supervisor is None or not supervisor.is_alive():
            raise StackError(f"the supervisor ended; {_tail(settings, record.SUPERVISOR)}")
        if time.monotonic() > deadline:
            late = next(records[name] for name in names if name not in reported and name in records)
            raise StackError(
                f"not up after {settings.start_timeout_s:.0f} s (LLMBATCH_START_TIMEOUT): {_explain(settings, late)}"
            )
        time.sleep(0.1)


def are_ready(settings: Settings, names: list[str]) -> bool:
    """Return whether all components of these names are ready."""
    records = record.read_all(settings.run)
    return all(name in records and _is_ready(records[name]) for name in names)


def _is_ready(one: Record) -> bool:
    # the supervisor needs a moment to see that a process has died
    return one.phase is ComponentPhase.READY and one.is_alive()


def _explain(settings: Settings, one: Record) -> str:
    return f"{one.component} does not come up: {one.detail or one.phase}; {_tail(settings, one.component)}"


def _tail(settings: Settings, name: str) -> str:
    path = settings.logs / f"{name}.log"
    lines = path.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:] if path.exists() else []
    return "\n    ".join([f"the end of {path}:", *lines])
