"""config.yaml as the Airflow side finds it. Read when a task runs, never when a DAG is parsed."""

from __future__ import annotations

import os
from pathlib import Path

from llmbatch.core.config import CONFIG_ENV, Config, load_config


def config_path() -> Path:
    """Return the file that ``LLMBATCH_CONFIG`` names, else ``config/config.yaml`` beside the dags folder."""
    named = os.environ.get(CONFIG_ENV)
    if named:
        return Path(named)
    from airflow.sdk import conf

    return Path(conf.get("core", "dags_folder")).parent / "config" / "config.yaml"


def load_settings() -> Config:
    """Read the configuration.

    Raises:
        ConfigError: the file is missing or wrong; with ``file:line``.
    """
    return load_config(config_path())
