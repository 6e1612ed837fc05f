"""The parts of Airflow's answers that the gateway reads."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, RootModel, ValidationError

from llmbatch.core.shown import shown
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.wire.failures import unavailable

Answer = TypeVar("Answer", bound=BaseModel)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")


class User(_Answer):
    """Of ``/ui/auth/me``."""

    username: str


class Runs(_Answer):
    """Of a list of runs."""

    dag_runs: tuple[DagRun, ...]


class Task(_Answer):
    """One task of a run."""

    task_id: str
    state: str | None = None


class Tasks(_Answer):
    """Of a list of tasks."""

    task_instances: tuple[Task, ...]


class XCom(_Answer):
    """Of one XCom."""

    value: JsonValue = None


class Part(_Answer):
    """One part of Airflow; a part that never started has no status."""

    status: str | None = None


class Health(RootModel[dict[str, Part | None]]):
    """Airflow's parts by name, of ``/monitor/health``."""


def read(model: type[Answer], body: bytes) -> Answer:
    """Return an answer of Airflow. Raises ``Failure`` 503 if it is not one."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors()}))
        raise unavailable(f"Airflow's answer cannot be read: {shown(places) or 'not JSON'}.") from None
