"""Receivers of alerts on free ports of this machine: a real Alertmanager and a web server."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from llmbatch_stack.install import tools
from llmbatch_stack.settings import load

CONFIG = """
route: {receiver: hook, group_by: [job_id, level], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers:
  - {name: hook, webhook_configs: [{url: "http://127.0.0.1:PORT/from-alertmanager", send_resolved: true}]}
global: {resolve_timeout: 1s}
"""
"""One second after a report without an end an alert would be gone."""


class Alertmanager:
    """One server; ``stop`` and ``start`` may follow each other, at the same port, without its memory."""

    def __init__(self, folder: Path, port: int, hook_port: int) -> None:
        self.folder, self.port = folder, port
        self.url = f"http://127.0.0.1:{port}"
        self.config = folder / "alertmanager.yml"
        self.config.write_text(CONFIG.replace("PORT", str(hook_port)))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = tools.find(load({}), "prometheus-alertmanager")
        if program is None:
            pytest.fail("no Alertmanager: run `make install`, or install prometheus-alertmanager so that PATH has it")
        command = [
            *(str(program), f"--config.file={self.config}", f"--storage.path={self.folder / 'data'}"),
            *(f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="),
        ]
        with (self.folder / "alertmanager.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 120
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"not ready:\n{(self.folder / 'alertmanager.log').read_text()[-2000:]}")
            time.sleep(0.05)  # a server of another make: there is nothing to await

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=60).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(120)
            self._process = None

    def alerts(self) -> list[dict[str, Any]]:
        """Return what it shows as active."""
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/api/v2/alerts", timeout=60).raise_for_status().json()
        return found

    def firing(self) -> dict[str, dict[str, Any]]:
        """Return what it shows as active, by level."""
        return {alert["labels"]["level"]: alert for alert in self.alerts()}


class Hook:
    """A web server that remembers what is posted to it."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, str], Any]] = []
        self.came = threading.Condition()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with hook.came:
                    hook.posts.append((self.path, dict(self.headers), body))
                    hook.came.notify_all()
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self.server.server_address[1])

    def at(self, path: str) -> list[tuple[dict[str, str], Any]]:
        with self.came:
            return [(headers, body) for where, headers, body in self.posts if where == path]

    def notified(self, status: str, level: str, timeout: float = 120) -> dict[str, Any]:
        """Wait until Alertmanager tells of one alert; return it."""

        def find() -> dict[str, Any] | None:
            posts = [body for where, _, body in self.posts if where == "/from-alertmanager"]
            told = [alert for body in posts for alert in body["alerts"]]
            fit = [alert for alert in told if (alert["status"], alert["labels"]["level"]) == (status, level)]
            return fit[0] if fit else None

        with self.came:
            assert self.came.wait_for(lambda: find() is not None, timeout), f"nobody was told: {level} is {status}"
            found = find()
        assert found is not None
        return found


@contextmanager
def running_hook() -> Iterator[Hook]:
    hook = Hook()
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        hook.server.server_close()
        thread.join()
