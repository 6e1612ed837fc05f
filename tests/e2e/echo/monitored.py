"""The chaos stack with ``make monitor``: the shipped rules, a webhook, and intervals that a test can wait for."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from alert_receivers import Hook, running_hook
from chaos.stack import ChaosStack, Section
from llmbatch.core.config import load_config
from llmbatch_stack.install import tools
from llmbatch_stack.monitor import PROGRAMS
from llmbatch_stack.settings import load
from monitoring.render import generated

HOLDS = {
    "LlmbatchJobDeadlineAtRisk": "1s",
    "LlmbatchJobDeadlinePassed": "1s",
    "LlmbatchJobHeartbeatStale": "1s",
}
"""How long the condition of an alert must hold here; every other alert holds as long as shipped."""

_SCRAPES = {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"}
_ROUTE = {"group_wait": "0s", "group_interval": "1s"}


@dataclass(frozen=True)
class Notification:
    """One alert in one post to the webhook."""

    name: str
    job_id: str
    status: str
    text: str
    """Its description."""


@dataclass(frozen=True)
class Monitored:
    """Prometheus and the webhook of the stack."""

    stack: ChaosStack
    hook: Hook

    def notifications(self) -> list[Notification]:
        """Return every alert that was posted, as often as it was."""
        alerts = [alert for _, body in self.hook.at("/page") for alert in body["alerts"]]
        return [
            Notification(
                alert["labels"]["alertname"],
                alert["labels"].get("job_id", ""),
                alert["status"],
                alert["annotations"]["description"],
            )
            for alert in alerts
        ]

    def firing(self, name: str, job_id: str = "") -> int:
        """Return how often the webhook was notified that an alert fires."""
        return sum((each.name, each.job_id, each.status) == (name, job_id, "firing") for each in self.notifications())

    def ask(self, expr: str) -> dict[str, float]:
        """Return the result of an instant query by the labels of each series."""
        answer = httpx.post(f"{self.stack.settings.prometheus_url}/api/v1/query", data={"query": expr}, timeout=60)
        found: list[Mapping[str, Any]] = answer.raise_for_status().json()["data"]["result"]
        return {_shown(each["metric"]): float(each["value"][1]) for each in found}

    def wait(self, expr: str, seconds: float) -> dict[str, float]:
        """Wait until a query has a result, and return it."""
        deadline = time.monotonic() + seconds
        while not (found := self.ask(expr)):
            assert time.monotonic() < deadline, f"no result within {seconds:g} s: {expr}"
            time.sleep(0.3)
        return found


def require_programs() -> None:
    """Skip the test where a program is missing; fail it where ``CI`` is set."""
    missing = [name for name in PROGRAMS if tools.find(load({}), name) is None]
    if missing:
        text = f"no {', '.join(missing)}: run `make install`, or install them so that PATH has them"
        pytest.fail(f"{text} (CI is set: nothing is skipped)") if os.environ.get("CI") else pytest.skip(text)


@contextmanager
def monitored(stack: ChaosStack, engine: Section) -> Iterator[Monitored]:
    """Put the monitoring beside a running stack, which stays up after it."""
    with running_hook() as hook:
        url = stack.folder / "webhook-url"
        url.write_text(f"http://127.0.0.1:{hook.port}/page")
        stack.configure(engine, monitoring={"receivers": [{"webhook_url_file": str(url)}]})
        folder = stack.folder / "monitoring"
        for name, text in generated(load_config(stack.folder / "config.yaml")).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_hurried(path, text))
        try:
            stack.command("monitor", LLMBATCH_MONITORING=str(folder))
            yield Monitored(stack, hook)
        finally:
            stack.command("monitor", "--stop")


def _hurried(path: Path, text: str) -> str:
    """Return a rendered file with short intervals. Expressions and inhibitions stay as they are."""
    config = yaml.safe_load(text)
    if path.name == "prometheus.yml":
        config["global"] |= _SCRAPES
    elif path.name == "rules.yml":
        for rule in (rule for group in config["groups"] for rule in group["rules"]):
            if rule.get("alert") in HOLDS:
                rule["for"] = HOLDS[rule["alert"]]
    elif path.name == "alertmanager.yml":
        config["route"] |= _ROUTE
        for route in config["route"]["routes"]:
            route["routes"] = [{**each, "group_wait": "0s"} for each in route["routes"]]
    else:
        return text
    return yaml.safe_dump(config, sort_keys=False)


def _shown(labels: Mapping[str, str]) -> str:
    """Return labels as one text: ``job=ray instance=127.0.0.1:1``; those that no test needs are left out."""
    return " ".join(f"{name}={value}" for name, value in sorted(labels.items()) if not re.match("__|Session", name))
