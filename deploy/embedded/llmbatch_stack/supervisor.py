"""The supervisor: one detached process that owns every component until it receives SIGTERM.

At SIGHUP it reads the catalogue again: it starts the components that are new and stops those that are gone.
Run by `llmbatch_stack.stack.up` as `python -m llmbatch_stack.supervisor`; a file lock keeps it single.
"""

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llmbatch_stack.components.catalogue import catalogue
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.process import record
from llmbatch_stack.process.priority import SessionPriorities
from llmbatch_stack.process.record import ComponentPhase, Record
from llmbatch_stack.process.runner import Runner
from llmbatch_stack.process.table import SessionUse, end, identify, members, session_use
from llmbatch_stack.settings import Settings, load

_PRIORITIES_EVERY_S = 3.0


class Supervisor:
    """Starts all runners and stops them in waves."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._credentials = load_or_create(settings)
        self._stopping = threading.Event()
        self._ready: dict[str, threading.Event] = {}
        self._runners: tuple[Runner, ...] = ()

    def run(self) -> None:
        """Run until SIGTERM or SIGINT, then stop everything."""
        signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        # blocked here, before the threads start and inherit it, so that only the wait below receives them
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        own = identify(os.getpid())
        if own is None:
            sys.exit("cannot read this process from /proc")
        record.write(
            self._settings.run,
            Record(record.SUPERVISOR, ComponentPhase.READY, own.pid, own.start_ticks, started_at=time.time()),
        )
        self.follow()
        threading.Thread(target=self._share_cores, daemon=True).start()
        # without a timeout: sigtimedwait reports a signal when this process was stopped past its timeout and continued
        while signal.sigwait(signals) == signal.SIGHUP:
            self.follow()
        self.stop()

    def follow(self) -> None:
        """Start the components that the catalogue has now, and stop those that it has no longer."""
        wanted = catalogue(self._settings, self._credentials)
        names = {component.name for component in wanted}
        kept = [runner for runner in self._runners if runner.component.name in names]
        gone = [runner for runner in self._runners if runner.component.name not in names]
        new = [component for component in wanted if component.name not in {each.component.name for each in kept}]
        self._ready |= {component.name: threading.Event() for component in new}
        added = [Runner(component, self._settings, self._ready) for component in new]
        self._runners = (*kept, *added)
        for runner in added:
            runner.start()
        _together(gone)
        for name in record.read_all(self._settings.run).keys() - names - {record.SUPERVISOR}:
            record.remove(self._settings.run, name)

    def _share_cores(self) -> None:
        priorities = SessionPriorities()
        while not self._stopping.wait(_PRIORITIES_EVERY_S):
            self._adjust(priorities)

    def _adjust(self, priorities: SessionPriorities) -> None:
        """Adjust the sessions of components that are ready: a start that yields takes minutes on a busy machine.

        Those below Ray's may be engines. Those below Postgres's are its connections.
        """
        records = record.read_all(self._settings.run)
        components = (runner.component for runner in self._runners)
        found = ((records[each.name], each) for each in components if each.name in records)
        ready = {one.pid: each for one, each in found if one.phase is ComponentPhase.READY}
        background = [pid for pid, each in ready.items() if each.background]
        use = session_use({pid: each.niceness > 0 for pid, each in ready.items()}, waiting=background)
        sessions: dict[bool, list[SessionUse]] = {True: [], False: []}
        for pid, each in ready.items():
            sessions[each.background] += use[pid]
        priorities.adjust(serving=sessions[False], background=sessions[True], now=time.monotonic())

    def stop(self) -> None:
        """Stop every component, in waves, and whatever they left."""
        self._stopping.set()
        for wave in sorted({runner.component.stop_wave for runner in self._runners}):
            _together(runner for runner in self._runners if runner.component.stop_wave == wave)
        known = [one.identity for one in record.read_all(self._settings.run).values() if one.identity]
        end(members(str(self._settings.state), known), grace_s=1.0)


def _together(runners: Iterable[Runner]) -> None:
    threads = [threading.Thread(target=runner.stop) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the stack's lock; leave the process when another supervisor has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another supervisor holds {path}")
        yield


def main() -> None:
    """Run the supervisor of the stack that the environment names."""
    settings = load()
    with only_one(settings.state / "supervisor.lock"):
        Supervisor(settings).run()


if __name__ == "__main__":
    main()
