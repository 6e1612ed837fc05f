"""config.yaml as the Airflow side finds it. Read when a task runs, never when a DAG is parsed."""

from __future__ import annotations

import os
from pathlib import Path

from llmbatch.core.config import CONFIG_ENV, Config, load_config

CONFIG_OPTION = ("llmbatch", "config_file")
"""Section and name in ``airflow.cfg``."""


def config_path() -> Path:
    """Return the file of ``LLMBATCH_CONFIG``, else of Airflow's option, else ``config/config.yaml`` beside the DAGs."""
    named = os.environ.get(CONFIG_ENV)
    if named:
        return Path(named)
    from airflow.sdk import conf

    option = conf.get(*CONFIG_OPTION, fallback="")
    if option:
        return Path(option)
    return Path(conf.get("core", "dags_folder")).parent / "config" / "config.yaml"


def load_settings() -> Config:
    """Read the configuration.

    Raises:
        ConfigError: the file is missing or wrong; with ``file:line``.
    """
    return load_config(config_path())
