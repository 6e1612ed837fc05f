"""Up and down: start the supervisor and wait for it; stop it with all its processes."""

import os
import shutil
import stat
import subprocess
import sys
from signal import SIGINT, SIGTERM

from llmbatch_stack.components import postgres
from llmbatch_stack.components.catalogue import catalogue
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.environment import plain
from llmbatch_stack.process import record
from llmbatch_stack.process.ports import require_free
from llmbatch_stack.process.record import ComponentPhase, Record
from llmbatch_stack.process.table import MARKER, ProcessIdentity, end, identify, members, session_of
from llmbatch_stack.readiness import Report, StackError, are_ready, one_at_a_time, wait_until_ready
from llmbatch_stack.settings import Settings

_STOP_SECONDS = 40.0

# Starts a program in a session of its own and prints its pid. As a grandchild it does not stay a zombie when it ends,
# however long the process that started the stack (a test run, a benchmark) lives.
_DETACH = """
import subprocess, sys
log = sys.stderr
print(subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True).pid)
"""


def up(settings: Settings, report: Report) -> bool:
    """Start the stack and wait until every component is ready; return False when it was up already.

    A stack that another call is starting is waited for. Debris of a crashed stack is removed first. If this call is
    interrupted or fails, what it started is stopped again.

    Raises:
        PortTaken: a port is in use.
        StackError: a component does not come up.
    """
    with one_at_a_time(settings):
        supervisor = record.read(settings.run, record.SUPERVISOR)
        if supervisor is not None and supervisor.is_alive():
            names = [component.name for component in catalogue(settings, load_or_create(settings))]
            if are_ready(settings, names):
                return False
            wait_until_ready(settings, names, supervisor.identity, report)
            return True
        _sweep(settings)
        _close_state_folder(settings)
        record.clear(settings.run)
        components = catalogue(settings, load_or_create(settings))
        require_free(settings, components, report)
        _make_runtime_folder(settings)
        names = [component.name for component in components]
        for name in names:
            record.write(settings.run, Record(name, ComponentPhase.WAITING))
        try:
            wait_until_ready(settings, names, _start_supervisor(settings), report)
        except BaseException as error:
            report("stopping what was started ..." if isinstance(error, StackError) else "interrupted, stopping ...")
            _stop(settings)
            raise
        return True


def down(settings: Settings) -> int:
    """Stop all processes of the stack; return how many there were."""
    count = len(_members(settings))
    _stop(settings)
    return count


def _stop(settings: Settings) -> None:
    supervisor = record.read(settings.run, record.SUPERVISOR)
    if supervisor is not None and supervisor.identity is not None and supervisor.is_alive():
        supervisor.identity.send(SIGTERM)
        supervisor.identity.wait(_STOP_SECONDS)
    _sweep(settings)
    record.clear(settings.run)
    shutil.rmtree(settings.runtime, ignore_errors=True)


def _sweep(settings: Settings) -> None:
    """End what a dead supervisor left behind: the database last and by SIGTERM, since all other components use it."""
    records = record.read_all(settings.run)
    supervisor = records.get(record.SUPERVISOR)
    if supervisor is not None and supervisor.identity is not None:
        # first, or it would restart what is ended below
        end([supervisor.identity], grace_s=0.0)
    database = records.get(postgres.NAME)
    postmaster = database.identity if database is not None else None
    kept = session_of(postmaster.pid) if postmaster is not None and postmaster.is_alive() else set()
    end(_members(settings) - kept, grace_s=3.0)
    if postmaster is not None:
        end([postmaster], grace_s=8.0, signum=SIGINT)
    end(_members(settings), grace_s=0.0)


def _members(settings: Settings) -> set[ProcessIdentity]:
    known = (one.identity for one in record.read_all(settings.run).values())
    return members(str(settings.state), [identity for identity in known if identity is not None])


def _start_supervisor(settings: Settings) -> ProcessIdentity:
    settings.logs.mkdir(parents=True, exist_ok=True)
    with (settings.logs / "supervisor.log").open("ab") as log:
        parent = subprocess.run(
            [sys.executable, "-c", _DETACH, sys.executable, "-m", "llmbatch_stack.supervisor"],
            env={
                **plain(),
                "PYTHONPATH": os.pathsep.join(str(settings.repo / part) for part in ("deploy/embedded", "include")),
                "LLMBATCH_STATE": str(settings.state),
                MARKER: str(settings.state),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            check=True,
            cwd="/",
            umask=0o077,  # all components inherit it
        )
    identity = identify(int(parent.stdout))
    if identity is None:
        raise StackError(f"the supervisor ended at once; see {settings.logs / 'supervisor.log'}")
    return identity


def _close_state_folder(settings: Settings) -> None:
    """Close the folder of the stack, also one of an earlier version, to other users.

    Where Postgres runs as another user, it may pass through the folder, not list it.
    """
    settings.state.chmod(_passage())
    for name in ("airflow", "cache", "logs", "models", "run", "seaweedfs"):
        folder = settings.state / name
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)


def _passage() -> int:
    """Return the mode of a folder that Postgres passes through."""
    return 0o711 if postgres.runs_as() is not None else 0o700


def _make_runtime_folder(settings: Settings) -> None:
    """Make the folder for sockets; where Postgres runs as another user, it may be passed through but not listed."""
    folder = settings.runtime
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StackError(f"{folder} belongs to another user; remove it, or set LLMBATCH_STATE to another folder")
    folder.chmod(_passage())
