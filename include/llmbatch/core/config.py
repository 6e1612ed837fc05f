"""config.yaml: read once, explicitly; an unknown key is an error with file, line and the nearest key."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from llmbatch.core.alert_settings import AlertsConfig
from llmbatch.core.config_sections import (
    CostConfig,
    HeartbeatConfig,
    LimitsConfig,
    ModelConfig,
    RayConfig,
    RetentionConfig,
    Section,
    SlaConfig,
    StagingConfig,
    StoreConfig,
)
from llmbatch.core.drop_settings import DropConfig
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import ConfigError
from llmbatch.core.gateway_settings import GatewayConfig
from llmbatch.core.monitoring_settings import MonitoringConfig
from llmbatch.core.serving import Serving

CONFIG_ENV = "LLMBATCH_CONFIG"
"""Environment variable that names the file; read by entry points, never at import."""


class Config(Section):
    """The whole of config.yaml."""

    store: StoreConfig = StoreConfig()
    ray: RayConfig = RayConfig()
    staging: StagingConfig = StagingConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    limits: LimitsConfig = LimitsConfig()
    retention: RetentionConfig = RetentionConfig()
    sla: SlaConfig = SlaConfig()
    alerts: AlertsConfig = AlertsConfig()
    cost: CostConfig = CostConfig()
    drop: DropConfig = DropConfig()
    gateway: GatewayConfig = GatewayConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    admins: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Airflow users who may retry the jobs of every user, and adopt a benchmark's settings; empty: all may adopt."""
    media_domains: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Hosts from which rows may have images and audio fetched over http(s); empty: none."""
    default_model: str
    models: dict[str, ModelConfig]
    engine: EngineSettings = EngineSettings()

    @model_validator(mode="after")
    def _default_is_known(self) -> Config:
        if self.default_model not in self.models:
            raise ValueError(f"default_model {self.default_model!r} is not among models: {', '.join(self.models)}")
        return self

    @model_validator(mode="after")
    def _adapters_have_names_of_their_own(self) -> Config:
        names = [*self.models, *(name for model in self.models.values() for name in model.adapters)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(
                f"{twice!r} is the name of two models or adapters; requests must be able to tell them apart"
            )
        return self

    @model_validator(mode="after")
    def _inboxes_are_apart(self) -> Config:
        self.drop.require_apart(self.store)
        return self

    def model_name(self, name: str | None) -> str:
        """Return the model that a request names: itself, the one that has an adapter of that name, or the default."""
        name = name or self.default_model
        return next((base for base, model in self.models.items() if name in model.adapters), name)

    def model_for(self, name: str | None) -> ModelConfig:
        """Return the configured model of that name, or the name itself as a hub id, ``s3://`` folder or path."""
        name = self.model_name(name)
        return self.models.get(name) or ModelConfig(uri=name)

    def serving(self, name: str | None) -> Serving:
        """Return what the engine of a request's model serves."""
        model = self.model_for(name)
        return Serving(
            name=self.model_name(name),
            options=model.serve,
            adapters=model.adapters,
            media_domains=self.media_domains,
            media_prefixes=self.store.allowed_inputs,
        )


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
        location = [str(part) for part in first["loc"] if part != "[key]"]
        where = f"{path}:{_line_of(tree, location)}"
        if not location:
            raise ConfigError(f"{path}: {first['msg'].removeprefix('Value error, ')}") from None
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{where}: unknown key `{'.'.join(location)}`{_nearest(location)}") from None
        raise ConfigError(f"{where}: `{'.'.join(location)}`: {first['msg'].removeprefix('Value error, ')}") from None


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
