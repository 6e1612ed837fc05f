"""Receivers that take alerts as users' own do: a webhook, a StatsD server, an Alertmanager, a notifier's file."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx

HOST = "127.0.0.1"

NOTIFIER = """
from airflow.sdk import BaseNotifier


class FileNotifier(BaseNotifier):
    template_fields = ("line",)

    def __init__(self, *, path, line):
        super().__init__()
        self.path, self.line = path, line

    def notify(self, context):
        with open(self.path, "a") as file:
            file.write(self.line + "\\n")
"""


class Receivers:
    """All of them, as a context manager. ``alert_ids`` tell what each has got, by sink."""

    def __init__(self, alertmanager: Path, folder: Path) -> None:
        self._binary, self._folder = alertmanager, folder
        self._posts: list[str] = []
        self._packets: list[str] = []
        self.notified = folder / "notified.txt"
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        posts = self._posts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alert_id"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._closing.callback(self._server.server_close)
        self._closing.callback(self._server.shutdown)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._closing.callback(self._socket.close)
        threading.Thread(target=self._listen, daemon=True).start()
        self._start_alertmanager()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def connections(self) -> list[dict[str, object]]:
        """Airflow connections by which alerts find these receivers."""
        ports = {"e2e_webhook": self._server.server_port, "e2e_alertmanager": self._port}
        return [
            {"connection_id": name, "conn_type": "http", "host": HOST, "port": port} for name, port in ports.items()
        ]

    @property
    def config(self) -> dict[str, object]:
        """The section ``alerts`` of config.yaml."""
        arguments = {"path": str(self.notified), "line": "{{ alert_id }}"}
        return {
            "webhook": [{"conn_id": "e2e_webhook"}],
            "alertmanager": [{"conn_id": "e2e_alertmanager"}],
            "statsd": [{"host": HOST, "port": self._socket.getsockname()[1]}],
            "notifiers": [{"path": "e2e_notifier.FileNotifier", "arguments": arguments}],
            "runbook_url": "https://runbook.example/llmbatch",
        }

    def posted(self, job_id: str) -> Counter[str]:
        """What the webhook got of a job, ``level-number`` with how often."""
        return _of(self._posts, job_id)

    def told(self, job_id: str) -> Counter[str]:
        """What the notifier was called with."""
        lines = self.notified.read_text().splitlines() if self.notified.exists() else []
        return _of(lines, job_id)

    def firing(self, job_id: str) -> set[str]:
        """Levels that Alertmanager shows as active for a job."""
        found: list[dict[str, Any]] = httpx.get(f"{self._url}/api/v2/alerts", timeout=5).json()
        return {one["labels"]["level"] for one in found if one["labels"].get("job_id") == job_id}

    def packets(self) -> list[str]:
        """Every StatsD line so far."""
        return list(self._packets)

    def _listen(self) -> None:
        while True:
            try:
                self._packets.extend(self._socket.recv(65536).decode().splitlines())
            except OSError:
                return

    def _start_alertmanager(self) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self._port = int(probe.getsockname()[1])
        self._url = f"http://{HOST}:{self._port}"
        config = self._folder / "alertmanager.yml"
        config.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
        command = [
            str(self._binary), f"--config.file={config}", f"--storage.path={self._folder / 'am'}",
            f"--web.listen-address={HOST}:{self._port}", "--cluster.listen-address=",
        ]  # fmt: skip
        log = self._closing.enter_context((self._folder / "alertmanager.log").open("wb"))
        process = subprocess.Popen(command, stdout=log, stderr=log)
        self._closing.callback(process.wait)
        self._closing.callback(process.terminate)
        until = time.monotonic() + 20
        while True:
            try:
                if httpx.get(f"{self._url}/-/ready", timeout=1).is_success:
                    return
            except httpx.HTTPError:
                if time.monotonic() > until:
                    raise
            time.sleep(0.1)


def _of(alert_ids: list[str], job_id: str) -> Counter[str]:
    return Counter(name.removeprefix(f"{job_id}:") for name in alert_ids if name.startswith(f"{job_id}:"))
