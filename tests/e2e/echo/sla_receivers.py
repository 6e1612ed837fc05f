"""Receivers that take alerts as users' own do: a webhook, a StatsD server, an Alertmanager, a notifier's file."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from alert_receivers import Alertmanager, running_hook

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
    """All of them, as a context manager. ``alert_ids`` lists what each has received, by sink."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packets: list[str] = []
        self.notified = folder / "notified.txt"
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        self._hook = self._closing.enter_context(running_hook())
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._closing.callback(self._socket.close)
        threading.Thread(target=self._listen, daemon=True).start()
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        self._alertmanager = Alertmanager(self._folder, port, self._hook.port)
        self._closing.callback(self._alertmanager.stop)
        self._alertmanager.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def connections(self) -> list[dict[str, object]]:
        """Airflow connections by which alerts find these receivers."""
        ports = {"e2e_webhook": self._hook.port, "e2e_alertmanager": self._alertmanager.port}
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
        return _of([body["alert_id"] for _, body in self._hook.at("/")], job_id)

    def received(self, job_id: str) -> Counter[str]:
        """What the notifier was called with."""
        lines = self.notified.read_text().splitlines() if self.notified.exists() else []
        return _of(lines, job_id)

    def firing(self, job_id: str) -> set[str]:
        """Levels that Alertmanager shows as active for a job."""
        labels = [alert["labels"] for alert in self._alertmanager.alerts()]
        return {each["level"] for each in labels if each["job_id"] == job_id}

    def notified_of(self, job_id: str) -> Counter[str]:
        """How often Alertmanager's own receiver got a message that a level fires."""
        alerts = [alert for _, body in self._hook.at("/from-alertmanager") for alert in body["alerts"]]
        firing = [alert["labels"] for alert in alerts if alert["status"] == "firing"]
        return Counter(labels["level"] for labels in firing if labels["job_id"] == job_id)

    def packets(self) -> list[str]:
        """Every StatsD line so far."""
        return list(self._packets)

    def _listen(self) -> None:
        while True:
            try:
                self._packets.extend(self._socket.recv(65536).decode().splitlines())
            except OSError:
                return


def _of(alert_ids: list[str], job_id: str) -> Counter[str]:
    return Counter(name.removeprefix(f"{job_id}:") for name in alert_ids if name.startswith(f"{job_id}:"))
