"""Keep one component running: wait for what it needs, start it, see it healthy, start it again when it dies."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from signal import SIGKILL

from llmbatch_stack.process import record
from llmbatch_stack.process.component import Component, StepError, Steps
from llmbatch_stack.process.record import ComponentPhase, Record
from llmbatch_stack.process.table import MARKER, ProcessIdentity, identify, session_of
from llmbatch_stack.settings import Settings

_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
_STABLE_AFTER_S = 60.0
_CHECK_EVERY_S = 0.1
_SLOWEST_CHECK_S = 1.0


class Runner:
    """One component's thread. It reports through its record file and never raises."""

    def __init__(
        self,
        component: Component,
        settings: Settings,
        ready: Mapping[str, threading.Event],
    ) -> None:
        self.component = component
        self._settings = settings
        self._stopping = threading.Event()
        self._ready = ready
        self._record = Record(component.name, ComponentPhase.WAITING)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=component.name, daemon=True)
        self._log = settings.logs / f"{component.name}.log"

    def start(self) -> None:
        """Start the thread."""
        self._report(ComponentPhase.WAITING)
        self._thread.start()

    def stop(self) -> None:
        """End the process and the thread."""
        self._stopping.set()  # first, or the process would be started again
        with self._lock:
            identity = self._record.identity
        if identity is not None and identity.is_alive():
            self._report(ComponentPhase.STOPPING)
            identity.send(self.component.stop_signal)
            if not identity.wait(self.component.grace_s):
                identity.send(SIGKILL)
        self._thread.join(self.component.grace_s + 5.0)

    def _run(self) -> None:
        backoff = _FIRST_BACKOFF_S
        for needed in self.component.needs:
            while not self._ready[needed].wait(0.2):
                if self._stopping.is_set():
                    return
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                why = self._one_life()
            except (StepError, OSError) as error:
                why = str(error)
            except Exception as error:  # a bug in one component must not leave it unsupervised
                why = f"{type(error).__name__}: {error}"
            self._end_leftovers()
            self._ready[self.component.name].clear()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > _STABLE_AFTER_S:
                backoff = _FIRST_BACKOFF_S
            self._note(f"{why}; next start in {backoff:.1f} s")
            self._record = replace(self._record, restarts=self._record.restarts + 1)
            self._report(ComponentPhase.BACKOFF, why)
            self._stopping.wait(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF_S)

    def _one_life(self) -> str:
        """Run the component once and return why it ended."""
        steps = Steps(self._log, str(self._settings.state), self._stopping)
        if self.component.prepare is not None:
            self._report(ComponentPhase.PREPARING)
            self.component.prepare(steps)
        process = self._spawn()
        if process is None:
            return "it is being stopped"
        self._report(ComponentPhase.STARTING)
        if (why := self._until_healthy(process)) is not None:
            return why
        if self.component.finish is not None:
            self._report(ComponentPhase.FINISHING)
            self.component.finish(steps)
        self._report(ComponentPhase.READY)
        self._ready[self.component.name].set()
        return f"it ended with code {process.wait()}"

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        # under the lock: `stop` must see either no process and the event, or the process
        with self._lock:
            if self._stopping.is_set():
                return None
            started_at = time.time()
            with self._log.open("ab") as log:
                process = subprocess.Popen(
                    self.component.command,
                    env={**self.component.environment, MARKER: str(self._settings.state)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    user=self.component.user,
                    group=self.component.user,
                    extra_groups=[] if self.component.user is not None else None,
                    cwd="/",
                )
            with suppress(ProcessLookupError):
                # at once, while it has one thread: a priority belongs to a thread, and later ones inherit it
                # never up again: only root may do that, and the whole stack may have been started with a low one
                now = os.getpriority(os.PRIO_PROCESS, process.pid)
                os.setpriority(os.PRIO_PROCESS, process.pid, max(now, self.component.niceness))
            identity = identify(process.pid) or ProcessIdentity(process.pid, 0)
            self._record = replace(
                self._record, pid=identity.pid, start_ticks=identity.start_ticks, started_at=started_at
            )
            self._process = process
            return process

    def _until_healthy(self, process: subprocess.Popen[bytes]) -> str | None:
        """Return None once the check passes, else why the process had to be given up."""
        deadline = time.monotonic() + self._settings.start_timeout_s
        pause, logged = _CHECK_EVERY_S, ""
        while (wrong := self.component.check(self._record.started_at)) is not None:
            if process.poll() is not None:
                return f"it ended with code {process.returncode} before it was healthy"
            if time.monotonic() > deadline:
                return f"not healthy after {self._settings.start_timeout_s:.0f} s: {wrong}"
            if wrong != logged:
                logged = wrong
                self._report(ComponentPhase.STARTING, wrong)
            if self._stopping.wait(pause):
                return "it is being stopped"
            pause = min(pause * 1.2, _SLOWEST_CHECK_S)
        return None

    def _end_leftovers(self) -> None:
        """Kill what the dead process left in its session, or its successor meets taken ports and locks."""
        process, identity = self._process, self._record.identity
        if process is None or identity is None:
            return
        for one in session_of(identity.pid):
            one.send(SIGKILL)
        process.wait()
        self._process = None

    def _report(self, phase: ComponentPhase, detail: str = "") -> None:
        self._record = self._record.with_phase(phase, detail)
        record.write(self._settings.run, self._record)

    def _note(self, text: str) -> None:
        with self._log.open("a") as log:
            log.write(f"--- supervisor: {self.component.name}: {text}\n")
