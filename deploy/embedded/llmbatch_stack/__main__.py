"""Command line of the embedded stack: `python -m llmbatch_stack up|down|status|monitor|demo|env|airflow`."""

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable

from llmbatch_stack import monitor, stack
from llmbatch_stack.credentials import CredentialsError, load_or_create
from llmbatch_stack.environment import airflow_variables, environment, ray_variables
from llmbatch_stack.process.component import StepError
from llmbatch_stack.process.ports import PortTaken
from llmbatch_stack.readiness import StackError
from llmbatch_stack.settings import Settings, SettingsError, load
from llmbatch_stack.status import addresses, monitoring_addresses, status, table


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="llmbatch_stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("up", help="start S3, Postgres, Ray and Airflow in the background, and wait for them")
    commands.add_parser("down", help="stop the whole stack")
    commands.add_parser("status", help="check the health of every component; exit code 0 only if all are healthy")
    monitoring = commands.add_parser("monitor", help="put Prometheus and Alertmanager beside the running stack")
    monitoring.add_argument("--stop", action="store_true", help="stop them and leave the stack up")
    commands.add_parser("demo", help="run a real job on real input and show it; starts the stack if it is down")
    env = commands.add_parser("env", help="print the variables of a room as export lines; they contain secrets")
    env.add_argument("room", choices=("airflow", "ray"), nargs="?", default="airflow")
    airflow = commands.add_parser("airflow", help="run Airflow's command line against this stack: airflow -- dags list")
    airflow.add_argument("words", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(arguments)
    os.umask(0o077)  # state, logs and sockets are the user's own
    try:
        return _run(chosen, load())
    except (SettingsError, CredentialsError, StepError, PortTaken, StackError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(chosen: argparse.Namespace, settings: Settings) -> int:
    verbs: dict[str, Callable[[], int]] = {
        "up": lambda: _up(settings),
        "down": lambda: _down(settings),
        "status": lambda: _status(settings),
        "monitor": lambda: _monitor(settings, stop=chosen.stop),
        "demo": lambda: _demo(settings),
        "env": lambda: _env(settings, chosen.room),
        "airflow": lambda: _airflow(settings, chosen.words),
    }
    return verbs[chosen.command]()


def _demo(settings: Settings) -> int:
    from llmbatch_stack.demo.demo import demo  # after the other verbs: they must work when rich or boto3 do not

    return demo(settings)


def _down(settings: Settings) -> int:
    count = stack.down(settings)
    print(f"down: {count} processes stopped" if count else "down: nothing was running")
    return 0


def _status(settings: Settings) -> int:
    rows = status(settings)
    print(table(rows))
    return 0 if all(row.wrong is None for row in rows) else 1


def _env(settings: Settings, room: str) -> int:
    variables = ray_variables if room == "ray" else airflow_variables
    for name, value in variables(settings, load_or_create(settings)).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _airflow(settings: Settings, words: list[str]) -> int:
    """Run Airflow's own command line in its room and return its exit code."""
    command = [settings.python("airflow"), "-m", "airflow", *(words[1:] if words[:1] == ["--"] else words)]
    variables = environment("airflow", settings, load_or_create(settings))
    return subprocess.run(command, env=variables, check=False).returncode


def _up(settings: Settings) -> int:
    began = time.monotonic()
    if stack.up(settings, _report):
        print(f"up after {time.monotonic() - began:.1f} s")
    else:
        print("already up")
    print(addresses(settings))
    print(f"command  {_command(settings)}")
    return 0


def _monitor(settings: Settings, *, stop: bool) -> int:
    if stop:
        print("monitoring stopped" if monitor.stop(settings) else "monitoring was not running")
        return 0
    began = time.monotonic()
    if monitor.start(settings, _report):
        print(f"monitored after {time.monotonic() - began:.1f} s")
    else:
        print("already monitored")
    print(monitoring_addresses(settings))
    return 0


def _report(line: str) -> None:
    print(line, flush=True)


def _command(settings: Settings) -> str:
    """Configure ``bin/llmbatch``; a stack without it is still up."""
    from llmbatch.cli.client.exits import CommandError
    from llmbatch.cli.client.session import Session
    from llmbatch_stack.demo.client import configure

    try:
        config = configure(settings, load_or_create(settings), Session())
    except CommandError as error:
        return f"bin/llmbatch has no key: {error.message} Repeat `make up` to configure it."
    return f"{settings.repo / 'bin' / 'llmbatch'} --help  (key in {config.path})"


if __name__ == "__main__":
    sys.exit(main())
