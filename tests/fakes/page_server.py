"""The gateway over fakes, served on a port of its own for a browser, which logs in with a cookie."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import APIRouter

from fakes.gateway import FakeGateway
from llmbatch.gateway.app import create_app


@contextmanager
def served(gateway: FakeGateway, *routers: APIRouter, port: int = 0) -> Iterator[str]:
    """Serve the application of ``gateway``, and routes of a test; yield its address.

    It reads the same store and fake Airflow.
    """
    app = create_app(lambda: gateway.parts)
    for router in routers:
        app.include_router(router)
    config = uvicorn.Config(app, port=port, log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
