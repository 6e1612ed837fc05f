"""Airflow of the clean environment beside S3, Postgres and Ray of the embedded stack.

Nothing of the repository is on the path of Airflow or of Ray's nodes: Airflow has the wheel, and Ray gets it from the
object store, by the configuration.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

from containers.wheel_room import WheelRoom
from llmbatch.s3.store import S3Store
from llmbatch_stack.components import airflow, postgres, ray_head, seaweedfs
from llmbatch_stack.credentials import Credentials, load_or_create, write_private
from llmbatch_stack.demo.job_run import open_store
from llmbatch_stack.environment import airflow_variables, plain
from llmbatch_stack.process.component import Component, Steps
from llmbatch_stack.process.ports import require_free
from llmbatch_stack.process.runner import Runner
from llmbatch_stack.settings import BUCKET, Settings

CODE = f"s3://{BUCKET}/code/llmbatch.zip"
BUNDLE = "llmbatch.provider.dag_bundle.PackagedDags"
START_SECONDS = 600
_FOLDERS = ("airflow", "logs", "models", "run", "seaweedfs", "nothing")


@dataclass(frozen=True)
class CleanRoom(Settings):
    """Settings of a stack whose Airflow is in another environment."""

    airflow_venv: Path

    @classmethod
    def of(cls, settings: Settings, venv: Path) -> CleanRoom:
        """Return them."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(Settings)}, airflow_venv=venv)

    def venv(self, room: str) -> Path:
        """Return the environment of a room."""
        return self.airflow_venv if room == "airflow" else super().venv(room)


@dataclass(frozen=True)
class WheelStack:
    """The stack that is up."""

    settings: Settings
    credentials: Credentials
    room: WheelRoom
    environ: Mapping[str, str]
    """Of Airflow."""
    store: S3Store


@contextmanager
def running(settings: Settings, room: WheelRoom, wheel: Path, config: Mapping[str, object]) -> Iterator[WheelStack]:
    """Start all, and stop all at the end. ``config`` is the content of config.yaml."""
    credentials = load_or_create(settings)
    clean = CleanRoom.of(settings, room.venv)
    _make_folders(settings)
    (settings.state / "config.yaml").write_text(json.dumps(config))
    environ = _environment(clean, credentials)
    components = [
        seaweedfs.component(settings, credentials),
        replace(postgres.component(settings), finish=_migrate(clean, credentials, environ)),
        _ray_without_code(settings, credentials),
        *(replace(one, environment=environ) for one in airflow.components(clean, credentials)),
    ]
    require_free(settings, components, print)
    ready = {one.name: threading.Event() for one in components}
    with ExitStack() as closing:
        closing.callback(shutil.rmtree, settings.runtime, ignore_errors=True)
        runners = [Runner(one, settings, ready) for one in components]
        for runner in sorted(runners, key=lambda runner: -runner.component.stop_wave):
            closing.callback(runner.stop)  # the last one here is stopped first
        for runner in runners:
            runner.start()
        late = [name for name, event in ready.items() if not event.wait(START_SECONDS)]
        assert not late, f"{late}: see {settings.logs}: {_end_of_logs(settings, late)}"
        store = open_store(settings, credentials)
        store.put(CODE, wheel.read_bytes())
        yield WheelStack(settings, credentials, room, environ, store)


def _make_folders(settings: Settings) -> None:
    mode = 0o711 if postgres.runs_as() is not None else 0o700  # Postgres may run as another user
    settings.state.chmod(mode)
    settings.runtime.mkdir(mode=mode)
    settings.runtime.chmod(mode)
    for name in _FOLDERS:
        (settings.state / name).mkdir(mode=0o700, exist_ok=True)


def _environment(clean: Settings, credentials: Credentials) -> Mapping[str, str]:
    """Return what docs/install.md asks for: no PYTHONPATH, no folder of plugins, the bundle, the option."""
    variables = plain() | airflow_variables(clean, credentials)
    del variables["PYTHONPATH"], variables["LLMBATCH_CONFIG"]
    nothing = str(clean.state / "nothing")
    return variables | {
        "AIRFLOW__CORE__DAGS_FOLDER": nothing,
        "AIRFLOW__CORE__PLUGINS_FOLDER": nothing,
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
            [{"name": "llmbatch", "classpath": BUNDLE, "kwargs": {}}]
        ),
        "AIRFLOW__LLMBATCH__CONFIG_FILE": str(clean.state / "config.yaml"),
    }


def _migrate(clean: CleanRoom, credentials: Credentials, environ: Mapping[str, str]):
    def step(steps: Steps) -> None:
        passwords = {credentials.airflow_user: credentials.airflow_password}
        write_private(clean.airflow_home / "passwords.json", json.dumps(passwords))
        steps.command((str(clean.airflow_venv / "bin" / "airflow"), "db", "migrate"), environ)

    return step


def _ray_without_code(settings: Settings, credentials: Credentials) -> Component:
    component = ray_head.component(settings, credentials)
    variables = dict(component.environment)
    patches = [path for path in variables["PYTHONPATH"].split(":") if path.endswith("ray_patches")]
    assert len(patches) == 1
    del variables["LLMBATCH_CONFIG"]
    return replace(component, environment=variables | {"PYTHONPATH": patches[0]})


def _end_of_logs(settings: Settings, names: list[str]) -> str:
    texts = (settings.logs / f"{name}.log" for name in names)
    return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-2000:]}" for path in texts if path.exists())
