"""Jobs over a memory store, from the request to the manifest, with hand-made answers in place of Ray."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fakes.results import answer, chat_body, put_result
from llmbatch.core.clock import ManualClock
from llmbatch.core.config import Config
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.intake.accept import accept, request_of
from llmbatch.orchestrator.jobs.staged_shards import decode_shard, load_staged
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.staging.stage import stage

CREATED = datetime(2030, 1, 2, 3, tzinfo=UTC)
CONFIG = Config.model_validate(
    {
        "store": {"allowed_inputs": ["s3://b"], "allowed_outputs": ["s3://b"]},
        "default_model": "small",
        "models": {"small": {"uri": "hub/small"}, "big": {"uri": "hub/big"}},
        "staging": {"shard_rows": 3},
    }
)
LINES = [*({"prompt": f"q{line}", "id": f"c{line}"} for line in range(1, 13))]
INPUT = b"".join(b"broken\n" if row["id"] == "c5" else json.dumps(row).encode() + b"\n" for row in LINES)
"""Twelve lines; the fifth cannot be read."""


def store_with_input(body: bytes = INPUT) -> MemoryStore:
    store = MemoryStore()
    store.put("s3://b/in.jsonl", body)
    return store


def accepted(store: MemoryStore, run_id: str, *, owner: str = "", config: Config = CONFIG, **conf: Any) -> JobSpec:
    request = request_of({}, {"max_error_rate": 0.5} | conf)
    return accept(
        request,
        dag_id="d",
        run_id=run_id,
        created_at=CREATED,
        config=config,
        store=store,
        owner=owner,
        clock=ManualClock(CREATED),
    )


def staged_rows_of(spec: JobSpec, store: MemoryStore) -> list[dict[str, Any]]:
    staged = load_staged(spec, store)
    assert staged is not None
    uris = [spec.layout.staged_shard(shard.shard_id) for shard in staged.shards]
    return [row for uri in uris for row in decode_shard(store.get(uri)).to_pylist()]


def put_answers(spec: JobSpec, store: MemoryStore, states: Mapping[int, str]) -> None:
    """Commit every staged shard; ``states`` are the lines that do not succeed."""
    staged = load_staged(spec, store)
    assert staged is not None
    for shard in staged.shards:
        rows = decode_shard(store.get(spec.layout.staged_shard(shard.shard_id))).to_pylist()
        put_result(spec, store, shard.shard_id, [_outcome(row, spec, states.get(row["line"])) for row in rows])


def finished(store: MemoryStore, run_id: str, states: Mapping[int, str] | None = None, **conf: Any) -> JobSpec:
    """Run a whole job."""
    spec = accepted(store, run_id, **conf)
    stage(spec, store, ManualClock(CREATED))
    put_answers(spec, store, states or {})
    publish(spec, store, ManualClock(CREATED))
    return spec


def proof_of(spec: JobSpec, store: MemoryStore) -> JobManifest:
    return JobManifest.model_validate_json(store.get(spec.layout.manifest))


def delivered(spec: JobSpec, store: MemoryStore, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in store.get(f"{spec.output_uri}{name}").decode().splitlines()]


def _outcome(row: dict[str, Any], spec: JobSpec, state: str | None) -> dict[str, Any]:
    made = answer(row)
    if made["state"] == "failed":
        return made
    if state is None:
        question = json.loads(row["request"])["messages"][-1]["content"]
        return made | {"response": json.dumps(chat_body(f"{spec.run_id}: {question}", spec.model_name))}
    nothing = {"response": None, "prompt_tokens": 0, "completion_tokens": 0, "cached_tokens": 0}
    why = {"error_class": "timeout", "error": "too slow"} if state == "failed" else {}
    return made | nothing | {"state": state, "request": row["request"]} | why
