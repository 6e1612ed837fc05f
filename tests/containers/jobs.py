"""A job on the shipped stack: started through the gateway with an API key, followed, and reconciled row by row."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
import pyarrow.parquet as pq

from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest, read_manifest
from llmbatch.s3.store import S3Store
from llmbatch_stack.settings import BUCKET

_INPUT_URI = f"s3://{BUCKET}/inputs/containers"
_BASE_URI = f"s3://{BUCKET}/llmbatch"
_POLL_SECONDS = 1.0
_OVER = {"succeeded", "failed"}


class JobError(AssertionError):
    """A job did not do what it had to."""


@dataclass(frozen=True)
class Service:
    """What a user has: the gateway, a key, and a place for inputs."""

    gateway: httpx.Client
    store: S3Store

    def start(self, name: str, rows: int, request: Mapping[str, object]) -> Job:
        """Write an input of so many prompts and start a job on it."""
        lines = (json.dumps({"id": f"{name}-{number}", "prompt": f"Say {number}."}) for number in range(rows))
        uri = f"{_INPUT_URI}/{name}.jsonl"
        self.store.put(uri, "\n".join(lines).encode())
        answer = self.gateway.post("/start", json={"input_uri": uri, **request}, headers={"Idempotency-Key": name})
        if answer.status_code != httpx.codes.ACCEPTED:
            raise JobError(f"POST /start answers {answer.status_code} {answer.text[:500]}")
        return Job(self, str(answer.json()["job_id"]), name, rows)


@dataclass(frozen=True)
class Job:
    """One job, whose rows have the ids ``<name>-<number>``."""

    service: Service
    job_id: str
    name: str
    rows: int

    @property
    def layout(self) -> JobLayout:
        """Its addresses in the store."""
        return JobLayout.of(_BASE_URI, self.job_id)

    def look(self) -> Mapping[str, object]:
        """Return what the gateway says of it; empty while the gateway does not answer."""
        try:
            answer = self.service.gateway.get(f"/jobs/{self.job_id}")
        except httpx.HTTPError:
            return {}
        found = answer.json() if answer.status_code == httpx.codes.OK else {}
        return found if isinstance(found, dict) else {}

    def committed(self) -> int:
        """Return how many shards are committed; 0 while the store does not answer."""
        try:
            return sum(
                JobLayout.shard_of(info.uri) is not None for info in self.service.store.list(self.layout.results)
            )
        except Exception:
            return 0

    def until_committing(self, seconds: float = 300) -> None:
        """Wait until the job is in its middle: a shard is committed."""
        self._until(lambda: self.committed() > 0 or self.look().get("state") in _OVER, "a shard is committed", seconds)

    def finish(self, seconds: float = 900) -> JobManifest:
        """Wait for its end, and check that every row of its input has ended exactly once and succeeded."""
        self._until(lambda: self.look().get("state") in _OVER, "the job is over", seconds)
        last = self.look()
        if last.get("state") != "succeeded":
            raise JobError(f"{self.name} ({self.job_id}) ended as {last.get('state')}: {last.get('error')}")
        return self._reconciled()

    def _reconciled(self) -> JobManifest:
        store = self.service.store
        manifest = read_manifest(self.layout, store)
        assert (manifest.missing, manifest.duplicates) == (0, 0)
        assert (manifest.rows.input, manifest.rows.succeeded) == (self.rows, self.rows)
        committed = Counter(
            row_id
            for shard in manifest.shards
            for row_id in pq.read_table(io.BytesIO(store.get(shard.key)), columns=["row_id"])
            .column("row_id")
            .to_pylist()
        )
        assert len(committed) == self.rows
        assert set(committed.values()) == {1}
        listed = [info.uri for info in store.list(self.layout.results) if JobLayout.shard_of(info.uri) is not None]
        assert len(listed) == len(manifest.shards), "a shard was committed twice"
        delivered = Counter(
            str(json.loads(line)["custom_id"])
            for output in manifest.outputs
            for line in store.get(output.uri).decode().splitlines()
        )
        assert delivered == Counter(f"{self.name}-{number}" for number in range(self.rows))
        return manifest

    def _until(self, condition: Callable[[], object], what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise JobError(f"{self.name} ({self.job_id}): not within {seconds:g} s: {what}; {self.look()}")
            time.sleep(_POLL_SECONDS)
