"""The gateway as this process can build it: from config.yaml, Airflow's connections and Airflow's auth manager."""

from __future__ import annotations

import gc
import sys

from fastapi import FastAPI
from starlette.types import ASGIApp

from llmbatch.core.clock import Clock, SystemClock
from llmbatch.core.config import Config
from llmbatch.gateway.access.access import Access
from llmbatch.gateway.access.airflow_tokens import AuthManagerTokens
from llmbatch.gateway.access.keys import ApiKeys
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.airflow.transports import in_process, over_http
from llmbatch.gateway.app import create_app
from llmbatch.gateway.parts import Parts
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.deployment.store import open_store

SWITCH_SECONDS = 0.0005
"""Longest time for which a thread that reads the store keeps the interpreter from the loop that answers requests.

Python's own 5 ms would be waited for several times in each request, as long as heartbeats of many jobs are read.
"""

AIRFLOW_URL = "http://localhost:8080"
"""Address of the api-server if neither config.yaml nor Airflow's configuration has one."""


def inside_of(api_server: ASGIApp) -> FastAPI:
    """Return the gateway in the process of Airflow's api-server. Takes seconds: it imports boto3.

    Raises:
        ConfigError: config.yaml cannot be used.
    """
    config, clock = load_settings(), SystemClock()
    return _gateway(config, in_process(api_server, clock), clock)


def alone() -> FastAPI:
    """Return the gateway in a process of its own, which has Airflow's configuration. Takes seconds.

    Raises:
        ConfigError: config.yaml cannot be used.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    config, clock = load_settings(), SystemClock()
    app = _gateway(config, over_http(airflow_url(config), clock), clock)
    gc.collect()
    gc.freeze()  # modules and types stay: visited at each full collection, they would stop all requests meanwhile
    return app


def airflow_url(config: Config) -> str:
    """Return the address of Airflow's api-server."""
    from airflow.sdk import conf

    return config.gateway.airflow_url or conf.get("api", "base_url", fallback="") or AIRFLOW_URL


def _gateway(config: Config, airflow: AirflowClient, clock: Clock) -> FastAPI:
    store = open_store(config.store.conn_id, note=None, is_polled=True)
    keys = ApiKeys(store, config.store.base_uri, config.gateway, clock, AuthManagerTokens())
    access = Access(airflow, config.admins, keys, clock)
    parts = Parts(config=config, store=store, airflow=airflow, access=access, clock=clock)
    return create_app(lambda: parts)
