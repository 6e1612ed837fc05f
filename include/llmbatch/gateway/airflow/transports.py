"""The two ways to Airflow's api-server: inside of its process, and over HTTP."""

from __future__ import annotations

import httpx
from starlette.types import ASGIApp

from llmbatch.core.clock import Clock
from llmbatch.gateway.airflow.http_airflow import CALL_SECONDS, HttpAirflow


def in_process(app: ASGIApp, clock: Clock) -> HttpAirflow:
    """Return a client of the api-server ``app`` that runs in this process. No port and no secret is needed."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return HttpAirflow(httpx.AsyncClient(transport=transport, base_url="http://airflow"), clock)


def over_http(url: str, clock: Clock) -> HttpAirflow:
    """Return a client of the api-server at ``url``, such as ``http://airflow:8080``, with its path if it has one."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=16)
    return HttpAirflow(
        httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(CALL_SECONDS, connect=5), limits=limits), clock
    )
