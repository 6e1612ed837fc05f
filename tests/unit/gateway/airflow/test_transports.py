"""The two ways to an api-server."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fastapi import FastAPI, Request

from llmbatch.core.clock import ManualClock
from llmbatch.gateway.airflow.transports import in_process, over_http
from llmbatch.gateway.wire.failures import Failure


def test_in_process_calls_the_application() -> None:
    app = FastAPI()

    @app.get("/ui/auth/me")
    def me(request: Request) -> dict[str, str]:
        return {"username": request.headers["authorization"].removeprefix("Bearer ")}

    assert asyncio.run(in_process(app, ManualClock()).user_name("Bearer ann")) == "ann"


def test_in_process_an_application_that_fails_is_503() -> None:
    app = FastAPI()

    @app.get("/ui/auth/me")
    def me() -> None:
        raise ZeroDivisionError

    with pytest.raises(Failure, match="HTTP 500") as caught:
        asyncio.run(in_process(app, ManualClock()).user_name("Bearer ann"))
    assert caught.value.status == 503


def test_over_http_keeps_the_path_of_the_address() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"username": self.path}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/airflow/"
        assert asyncio.run(over_http(url, ManualClock()).user_name("Bearer t")) == "/airflow/ui/auth/me"
    finally:
        thread.join()
        server.server_close()
