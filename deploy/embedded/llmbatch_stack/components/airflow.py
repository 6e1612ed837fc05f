"""Airflow: api-server, scheduler, dag-processor and triggerer as four separate processes."""

import importlib.metadata
import json
from datetime import datetime

from llmbatch_stack.components import postgres
from llmbatch_stack.credentials import Credentials, write_private
from llmbatch_stack.environment import environment
from llmbatch_stack.process.component import Check, Component, Step, StepError, Steps
from llmbatch_stack.settings import HOST, POOL, Settings
from llmbatch_stack.wire import call

API_SERVER = "airflow-api-server"
_PARTS = ("scheduler", "dag_processor", "triggerer")
_SCHEDULER = (
    "from llmbatch.orchestrator.tasks.imports import import_ahead; import_ahead(); "
    "from airflow.__main__ import main; main()"
)
"""The tasks of its executor are forks of it, so they need not import anything again."""


def components(settings: Settings, credentials: Credentials) -> list[Component]:
    """Describe the four processes. The database must have been migrated before (`migrate`)."""
    variables = environment("airflow", settings, credentials)
    airflow = (settings.python("airflow"), "-m", "airflow")
    api_server = Component(
        name=API_SERVER,
        command=(*airflow, "api-server", "--host", HOST, "--port", str(settings.port("airflow_api"))),
        environment=variables,
        check=_api_check(settings),
        ports=("airflow_api",),
        needs=(postgres.NAME,),
        finish=_pool_step(settings, credentials),
    )
    programs = {"scheduler": (settings.python("airflow"), "-c", _SCHEDULER)}
    flags = {"scheduler": ("--skip-serve-logs",), "triggerer": ("--skip-serve-logs",)}
    others = [
        Component(
            name=f"airflow-{part.replace('_', '-')}",
            command=(*programs.get(part, airflow), part.replace("_", "-"), *flags.get(part, ())),
            environment=variables,
            check=_heartbeat_check(settings, part),
            needs=(postgres.NAME,),
            background=True,
        )
        for part in _PARTS
    ]
    return [api_server, *others]


def migrate(settings: Settings, credentials: Credentials) -> Step:
    """Return the step that brings the database to this Airflow version, and does nothing when it is there already."""

    def step(steps: Steps) -> None:
        settings.airflow_home.mkdir(parents=True, exist_ok=True)
        settings.dags.mkdir(parents=True, exist_ok=True)
        passwords = {credentials.airflow_user: credentials.airflow_password}
        write_private(settings.airflow_home / "passwords.json", json.dumps(passwords))
        version = importlib.metadata.version("apache-airflow-core")
        stamp = postgres.migrated_stamp(settings)
        if stamp.exists() and stamp.read_text() == version:
            return
        command = (settings.python("airflow"), "-m", "airflow", "db", "migrate")
        steps.command(command, environment("airflow", settings, credentials))
        stamp.write_text(version)

    return step


def _health(settings: Settings) -> dict[str, object]:
    return call(f"{settings.airflow_url}/api/v2/monitor/health").json()


def _api_check(settings: Settings) -> Check:
    def check(_: float) -> str | None:
        database = _health(settings).get("metadatabase")
        if not isinstance(database, dict):
            return f"Airflow's API does not answer at {settings.airflow_url}"
        return None if database.get("status") == "healthy" else "Airflow's API cannot reach its database"

    return check


def _heartbeat_check(settings: Settings, part: str) -> Check:
    def check(started_at: float) -> str | None:
        state = _health(settings).get(part)
        if not isinstance(state, dict):
            return f"Airflow's API, which reports its heartbeat, does not answer at {settings.airflow_url}"
        beat = state.get(f"latest_{part}_heartbeat")
        if state.get("status") != "healthy":
            return f"no heartbeat since {beat}" if beat else "no heartbeat yet"
        # a predecessor's last heartbeat counts as healthy for 30 s, so look at the time as well
        if not isinstance(beat, str) or datetime.fromisoformat(beat).timestamp() < started_at:
            return "has not sent its first heartbeat yet"
        return None

    return check


def log_in(settings: Settings, credentials: Credentials) -> str:
    """Return a token of the stack's admin.

    Raises:
        StepError: Airflow gives none.
    """
    login = {"username": credentials.airflow_user, "password": credentials.airflow_password}
    answer = call(f"{settings.airflow_url}/auth/token", method="POST", body=login, timeout_s=20).json()
    if "access_token" not in answer:
        raise StepError(f"Airflow does not accept its own admin password; restart it: {settings.airflow_url}")
    return str(answer["access_token"])


def _pool_step(settings: Settings, credentials: Credentials) -> Step:
    def step(_: Steps) -> None:
        token = log_in(settings, credentials)
        pool = {
            "name": POOL,
            "slots": 1,
            # a deferred operator holds no worker, but its Ray job does hold the engine
            "include_deferred": True,
            "description": "Ray jobs that may run at once",
        }
        reply = call(
            f"{settings.airflow_url}/api/v2/pools",
            method="POST",
            token=token,
            body=pool,
            timeout_s=20,
        )
        if reply.status not in (200, 201, 409):
            raise StepError(f"cannot create the pool {POOL}: Airflow answers {reply.status} {reply.text[:200]}")

    return step
