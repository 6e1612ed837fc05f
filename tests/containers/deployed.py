"""This machine, deployed by ``deploy/setup_production.sh`` in a checkout of its own on the engine of the tests."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from containers.engine import Engine
from containers.hosts import checkout_of
from containers.keys import api_key

SETTINGS = "COMPOSE_PROFILES=cpu,s3\n"
"""An operator's ``.env``: no monitoring, whose Grafana has no image here."""
_SCRIPT_SECONDS = 2700
_POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Said:
    """The end of a command: its exit code, and what it printed."""

    code: int
    text: str


class Deployed:
    """A checkout, and the deployment that its script makes."""

    def __init__(self, engine: Engine, checkout: Path) -> None:
        self.engine, self.checkout = engine, checkout
        self.first = Said(-1, "")
        """What the first run said."""

    @classmethod
    @contextmanager
    def here(cls, engine: Engine, repository: Path, checkout: Path) -> Iterator[Deployed]:
        """Run the script once, and remove all that it made at the end."""
        shutil.rmtree(checkout, ignore_errors=True)
        checkout.mkdir(parents=True)
        one = cls(engine, checkout_of(repository, checkout))
        (checkout / ".env").write_text(SETTINGS)
        try:
            one.first = one.script()
            yield one
        finally:
            one.run("docker", "compose", "logs", "--no-color", "--timestamps", into=checkout / "logs.txt")
            one.run("docker", "compose", "--profile", "*", "down", "--volumes", "--timeout", "20")

    def script(self, *words: str) -> Said:
        """Run ``deploy/setup_production.sh``."""
        return self.run("bash", str(self.checkout / "deploy" / "setup_production.sh"), *words)

    def run(self, *command: str, source: Path | None = None, into: Path | None = None) -> Said:
        """Run a command in the checkout, as a person would who uses this engine; ``source`` is its standard input."""
        with (source or Path("/dev/null")).open("rb") as stdin:
            done = subprocess.run(
                command, cwd=self.checkout, env=self.engine.environment, stdin=stdin, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, check=False, timeout=_SCRIPT_SECONDS,
            )  # fmt: skip
        if into is not None:
            into.write_text(done.stdout)
        return Said(done.returncode, done.stdout)

    def containers(self) -> Mapping[str, tuple[str, str]]:
        """Return image and id of each running container, by service."""
        said = self.run("docker", "compose", "ps", "--format", "json")
        assert said.code == 0, said.text
        rows = [json.loads(line) for line in said.text.splitlines() if line.startswith("{")]
        return {row["Service"]: (row["Image"], row["ID"]) for row in rows}

    def settings(self) -> Mapping[str, str]:
        """Return what ``.env`` says."""
        lines = (self.checkout / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    @property
    def model(self) -> str:
        """The model of the shipped configuration."""
        return str(yaml.safe_load((self.checkout / "config" / "config.yaml").read_text())["default_model"])

    @contextmanager
    def gateway(self) -> Iterator[httpx.Client]:
        """Open the HTTP API with a new key of the admin."""
        key = api_key((self.checkout / "secrets" / "airflow_admin_password").read_text().strip(), "setup")
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url="http://127.0.0.1:8000", headers=headers, timeout=60) as client:
            yield client


@dataclass(frozen=True)
class Batch:
    """A batch of OpenAI's API, whose rows have the ids ``<name>-<number>``."""

    gateway: httpx.Client
    batch_id: str
    name: str
    rows: int

    @classmethod
    def start(cls, gateway: httpx.Client, name: str, model: str, rows: int, tokens: int) -> Batch:
        """Upload so many prompts and ask the model for answers of so many tokens."""
        url = "/v1/chat/completions"
        lines = []
        for number in range(rows):
            prompt = [{"role": "user", "content": f"Count from {number}."}]
            body = {"model": model, "max_tokens": tokens, "messages": prompt}
            lines.append(json.dumps({"custom_id": f"{name}-{number}", "method": "POST", "url": url, "body": body}))
        upload = {"file": (f"{name}.jsonl", "\n".join(lines).encode())}
        file = gateway.post("/v1/files", files=upload, data={"purpose": "batch"}).raise_for_status().json()
        wanted = {"input_file_id": file["id"], "endpoint": url, "completion_window": "24h"}
        made = gateway.post("/v1/batches", json=wanted).raise_for_status().json()
        return cls(gateway, made["id"], name, rows)

    def look(self) -> Mapping[str, object]:
        """Return the batch; empty while the gateway does not answer."""
        try:
            answer = self.gateway.get(f"/v1/batches/{self.batch_id}")
        except httpx.HTTPError:
            return {}
        found = answer.json() if answer.status_code == httpx.codes.OK else {}
        return found if isinstance(found, dict) else {}

    def completed(self) -> int:
        """Return the number of rows that have an answer."""
        counts = self.look().get("request_counts")
        return int(counts["completed"]) if isinstance(counts, dict) else 0

    def until(self, condition: Callable[[], object], what: str, seconds: float) -> None:
        """Poll until the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.look().get("status") != "failed", self.look()
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}; {self.look()}"
            time.sleep(_POLL_SECONDS)

    def until_working(self, seconds: float = 600) -> None:
        """Wait until some rows have an answer, and not all."""
        self.until(self.completed, "a row has an answer", seconds)

    def answers(self, seconds: float = 1200) -> list[str]:
        """Wait for its success; return the ids in its output file."""
        over = {"completed", "failed", "expired", "cancelled"}
        self.until(lambda: self.look().get("status") in over, "the batch is over", seconds)
        last = self.look()
        assert last.get("status") == "completed", last
        lines = self.gateway.get(f"/v1/files/{last['output_file_id']}/content").raise_for_status().text.splitlines()
        return [str(json.loads(line)["custom_id"]) for line in lines]
