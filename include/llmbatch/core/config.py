"""config.yaml: read once, explicitly; an unknown key is an error with file, line and the nearest key."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator, model_validator

from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import ConfigError
from llmbatch.core.layout import split_uri

CONFIG_ENV = "LLMBATCH_CONFIG"
"""Environment variable that names the file; read by entry points, never at import."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreConfig(_Section):
    """Where jobs live, and which Airflow connection opens the store."""

    base_uri: str = "s3://llmbatch/llmbatch"
    conn_id: str = "llmbatch_s3"

    @field_validator("base_uri")
    @classmethod
    def _is_address(cls, value: str) -> str:
        split_uri(value)
        return value.rstrip("/")


class RayConfig(_Section):
    """How Airflow reaches Ray and what one job of it is."""

    conn_id: str = "llmbatch_ray"
    poll_seconds: Annotated[float, Field(gt=0)] = 3
    poll_failures_tolerated: Annotated[int, Field(ge=0)] = 20
    entrypoint: str = "exec python -m llmbatch.cluster"


class StagingConfig(_Section):
    """How input becomes shards."""

    shard_rows: Annotated[int, Field(ge=1, le=100_000)] = 64
    shard_bytes: Annotated[int, Field(ge=1024)] = 8 * 2**20
    max_prompt_chars: Annotated[int, Field(ge=1)] = 400_000


class HeartbeatConfig(_Section):
    """How often a Ray job writes progress and reads control."""

    seconds: Annotated[float, Field(gt=0)] = 2


class RetentionConfig(_Section):
    """How many days what is in the jobs folder is kept; null: for ever."""

    staged_days: Annotated[int, Field(ge=0)] | None = 7
    """The staged input of a finished job, from its end on."""
    jobs_days: Annotated[int, Field(ge=1)] | None = 90
    """A whole job folder: from its end on; of an unfinished job, from its last sign of life or its deadline on."""
    dead_generations_days: Annotated[int, Field(ge=1)] | None = 7
    """Superseded claims, crash records and probes, from the job's last sign of life on."""


class SlaConfig(_Section):
    """When an alert is raised. Chances are P(miss), polls are in a row."""

    yellow_at: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """Part of the time from submission to the deadline."""
    red_above: Annotated[float, Field(gt=0, lt=1)] = 0.75
    red_polls: Annotated[int, Field(ge=1)] = 3
    red_for: Annotated[float, Field(ge=0, lt=1)] = 0.03
    """Part of the time to the deadline for which that must last: polls a few seconds apart are one evidence."""
    red_from: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Part of the work done before which nothing is red, for the estimate rests on few answers until then."""
    red_anyway_from: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Part of the time to the deadline from which a job may be red however little it has done."""
    calm_below: Annotated[float, Field(gt=0, lt=1)] = 0.15
    calm_polls: Annotated[int, Field(ge=1)] = 5


class AlertmanagerSettings(_Section):
    """Alertmanager's v2 API behind an Airflow connection (type http): address, and login or token if required."""

    conn_id: str


class WebhookSettings(_Section):
    """A URL behind an Airflow connection (type http) that takes each alert as one JSON POST."""

    conn_id: str


class StatsdSettings(_Section):
    """A StatsD server; counters and gauges get this prefix."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 8125
    prefix: str = "llmbatch"


class NotifierSettings(_Section):
    """Any Airflow notifier, by class path; its templated arguments see ``alert`` (a mapping) and ``message``."""

    path: str
    arguments: dict[str, JsonValue] = {}


class AlertsConfig(_Section):
    """Where alerts go besides the task log. Every list may be empty; one broken sink never stops another."""

    alertmanager: tuple[AlertmanagerSettings, ...] = ()
    webhook: tuple[WebhookSettings, ...] = ()
    statsd: tuple[StatsdSettings, ...] = ()
    notifiers: tuple[NotifierSettings, ...] = ()
    runbook_url: str = ""
    """Linked in each alert, with ``#sla-yellow``, ``#sla-red`` or ``#sla-critical`` appended."""


class CostConfig(_Section):
    """What a replica costs; null: unknown, and then no cost is shown."""

    usd_per_gpu_hour: Annotated[float, Field(ge=0)] | None = None


class ModelConfig(_Section):
    """One named model."""

    uri: str
    max_model_len: Annotated[int, Field(ge=16)] | None = None


class Config(_Section):
    """The whole of config.yaml."""

    store: StoreConfig = StoreConfig()
    ray: RayConfig = RayConfig()
    staging: StagingConfig = StagingConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    retention: RetentionConfig = RetentionConfig()
    sla: SlaConfig = SlaConfig()
    alerts: AlertsConfig = AlertsConfig()
    cost: CostConfig = CostConfig()
    default_model: str
    models: dict[str, ModelConfig]
    engine: EngineSettings = EngineSettings()

    @model_validator(mode="after")
    def _default_is_known(self) -> Config:
        if self.default_model not in self.models:
            raise ValueError(f"default_model {self.default_model!r} is not among models: {', '.join(self.models)}")
        return self

    def model_for(self, name: str | None) -> ModelConfig:
        """Return the configured model of that name, or the name itself as a hub id, ``s3://`` folder or path."""
        name = name or self.default_model
        return self.models.get(name) or ModelConfig(uri=name)


def load_config(path: Path) -> Config:
    """Read and validate a configuration file.

    Raises:
        ConfigError: the file is missing, is not YAML, or holds an unknown or bad key; with ``file:line``.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}. Set {CONFIG_ENV} to the path of config.yaml.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: the top level must be a mapping of sections")
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")  # a typo explains a missing key
        location = [str(part) for part in first["loc"]]
        where = f"{path}:{_line_of(tree, location)}"
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{where}: unknown key `{'.'.join(location)}`{_nearest(location)}") from None
        raise ConfigError(f"{where}: `{'.'.join(location)}`: {first['msg']}") from None


def _line_of(tree: yaml.Node | None, location: list[str]) -> int:
    """Return the 1-based line of the deepest part of ``location`` that the file holds."""
    line = 1
    for part in location:
        found = [(k, v) for k, v in (tree.value if isinstance(tree, yaml.MappingNode) else []) if str(k.value) == part]
        if not found:
            break
        key, tree = found[0]
        line = key.start_mark.line + 1
    return line


def _nearest(location: list[str]) -> str:
    section: type[BaseModel] | None = Config
    for part in location[:-1]:
        field = section.model_fields.get(part) if section else None
        kind = field.annotation if field else ModelConfig
        section = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else ModelConfig
    near = difflib.get_close_matches(location[-1], section.model_fields if section else [], n=1)
    return f", did you mean `{near[0]}`?" if near else ""
