"""Publishing: no proof without every row exactly once; outputs in every format; idempotent."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from fakes.answered_jobs import INPUT, NOW, answered, staged_job
from fakes.finished_jobs import alert_of, trace_of
from fakes.results import SCHEMA, answer, put_result
from llmbatch.core.alerts import Level
from llmbatch.core.clock import ManualClock
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.errors import ReconcileError, StoreError
from llmbatch.core.job_request import InputFormat, OutputFormat, Reactions
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.progress import Progress, RowCounts, ShardCounts
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.jobs.staged_shards import decode_shard
from llmbatch.orchestrator.publishing.files import FAILED_COLUMNS, USER_COLUMNS
from llmbatch.orchestrator.publishing.publish import publish


def lines(store: MemoryStore, name: str) -> list[dict]:
    return [json.loads(line) for line in store.get(f"s3://b/out/{name}").decode().splitlines()]


def test_jsonl_output_and_manifest() -> None:
    spec, store = staged_job()
    answered(spec, store)
    progress = Progress(
        job_id=spec.job_id,
        generation=2,
        sequence=9,
        phase=Phase.DONE,
        written_at=NOW,
        started_at=NOW,
        rows=RowCounts(),
        shards=ShardCounts(),
        seconds_phase={"work": 12.5},
    )
    store.put(spec.layout.progress, progress.model_dump_json().encode())
    manifest = publish(spec, store, ManualClock(NOW), {"run": 20.0})
    assert (manifest.rows.input, manifest.rows.succeeded, manifest.rows.failed) == (10, 9, 1)
    assert (manifest.tokens.prompt, manifest.tokens.completion, manifest.tokens.cached) == (27, 45, 9)
    assert (manifest.missing, manifest.duplicates, manifest.input.rows) == (0, 0, 10)
    assert [(shard.rows, shard.generation) for shard in manifest.shards] == [(4, 2), (4, 2), (2, 2)]
    assert [(record.uri, record.rows) for record in manifest.outputs] == [
        ("s3://b/out/results.jsonl", 9),
        ("s3://b/out/failed.jsonl", 1),
    ]
    assert manifest.timing == {"stage": 0.0, "work": 12.5, "run": 20.0, "publish": 0.0}
    assert manifest.sla.met
    assert {"llmbatch", "pyarrow"} <= manifest.versions.keys()
    assert store.get("s3://b/out/manifest.json") == store.get(spec.layout.manifest)
    results = lines(store, "results.jsonl")
    assert [row["custom_id"] for row in results] == [f"c{number}" for number in range(9)]
    assert list(results[0]) == list(USER_COLUMNS)
    failed = lines(store, "failed.jsonl")
    assert list(failed[0]) == list(FAILED_COLUMNS)
    assert (failed[0]["line"], failed[0]["error_class"], failed[0]["request"]) == (10, "invalid", "broken")


def test_rows_of_a_fallback_model_are_told_by_its_name() -> None:
    spec, store = staged_job(OutputFormat.OPENAI_BATCH)
    request = spec.request.model_copy(update={"reactions": Reactions(fallback_model="tiny")})
    spec = spec.model_copy(update={"request": request, "fallback_model_uri": "hub/tiny"})
    for number, (shard_id, rows) in enumerate(answered(spec, store).items()):
        put_result(spec, store, shard_id, rows, model=("hub/small", "hub/small", "hub/tiny")[number])
    assert publish(spec, store, ManualClock(NOW)).models == {"small": 8, "tiny": 1}
    named = [line["response"]["body"]["model"] for line in lines(store, "output.jsonl")]
    assert named == ["small"] * 8 + ["tiny"]


def test_the_manifest_tells_levels_and_cost_for_good() -> None:
    spec, store = staged_job()
    spec = spec.model_copy(update={"engine": EngineSettings(accelerator=Accelerator.GPU, gpus_per_replica=2)})
    answered(spec, store)
    store.put(spec.layout.trace(1), trace_of(spec, end=1800.0).model_dump_json().encode())
    store.put(spec.layout.alert("red", 1), alert_of(spec, Level.RED, 600).model_dump_json().encode())
    store.put(spec.layout.alert("critical", 1), alert_of(spec, Level.CRITICAL, 1900).model_dump_json().encode())
    clock = ManualClock(NOW + timedelta(seconds=1800))
    manifest = publish(spec, store, clock, usd_per_gpu_hour=3.0)
    assert [change.level for change in manifest.sla.levels] == [
        Level.OK,
        Level.RED,
    ]  # what came later is not of the job
    assert manifest.cost is not None
    assert manifest.cost.gpu_hours == pytest.approx(2 * 2 * (90 + 1710) / 3600)
    assert manifest.cost.usd == pytest.approx(6.0)
    assert manifest.cost.usd_per_million_tokens == pytest.approx(6.0 / 72 * 1e6)
    assert publish(spec, store, clock, usd_per_gpu_hour=9.0) == manifest


def test_dead_letters_come_from_the_committed_shards() -> None:
    spec, store = staged_job()
    answered(spec, store)
    publish(spec, store, ManualClock(NOW))
    assert [uri for uri in store.objects if "/failed/" in uri] == [spec.layout.failed_shard("shard-00002")]
    dead = pq.read_table(io.BytesIO(store.get(spec.layout.failed_shard("shard-00002"))))
    assert dead.schema.equals(SCHEMA)
    assert dead["row_id"].to_pylist() == ["00000-000000010"]


def test_without_failed_rows_there_is_no_failed_file() -> None:
    spec, store = staged_job(OutputFormat.PARQUET, INPUT.replace(b"broken", b'{"prompt": "ok"}'))
    answered(spec, store)
    manifest = publish(spec, store, ManualClock(NOW))
    assert [record.uri for record in manifest.outputs] == ["s3://b/out/results.parquet"]
    assert not [uri for uri in store.objects if "failed" in uri]


def test_parquet_output() -> None:
    spec, store = staged_job(OutputFormat.PARQUET)
    answered(spec, store)
    publish(spec, store, ManualClock(NOW))
    results = pq.read_table(io.BytesIO(store.get("s3://b/out/results.parquet")))
    failed = pq.read_table(io.BytesIO(store.get("s3://b/out/failed.parquet")))
    assert (results.num_rows, results.schema.names) == (9, list(USER_COLUMNS))
    assert (failed.num_rows, failed.schema.names) == (1, list(FAILED_COLUMNS))


def test_openai_output() -> None:
    body = b"".join(
        json.dumps({"custom_id": name, "url": f"/v1/{url}", "method": "POST", "body": body}).encode() + b"\n"
        for name, url, body in [
            ("a", "chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
            ("b", "completions", {"prompt": "once"}),
            ("c", "embeddings", {}),
            ("d", "completions", {"prompt": "late"}),
        ]
    )
    spec, store = staged_job(OutputFormat.OPENAI_BATCH, body, InputFormat.OPENAI_BATCH)
    rows = [answer(row) for row in decode_shard(store.get(spec.layout.staged_shard("shard-00000"))).to_pylist()]
    rows[3] |= {"state": "expired", "text": None, "finish_reason": None}
    put_result(spec, store, "shard-00000", rows)
    manifest = publish(spec, store, ManualClock(NOW))
    assert (manifest.rows.failed, manifest.rows.expired) == (1, 1)
    chat, completion = lines(store, "output.jsonl")
    assert list(chat) == ["id", "custom_id", "response", "error"]
    assert chat["id"].startswith("batch_req_")
    assert (chat["custom_id"], chat["error"], chat["response"]["status_code"]) == ("a", None, 200)
    answered_body = chat["response"]["body"]
    assert answered_body["id"].startswith("chatcmpl-")
    assert answered_body | {"id": ""} == {
        "id": "",
        "object": "chat.completion",
        "created": int(NOW.timestamp()),
        "model": "small",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "answer 1 ä", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 5,
            "total_tokens": 8,
            "prompt_tokens_details": {"cached_tokens": 1},
        },
    }
    assert completion["response"]["body"]["object"] == "text_completion"
    assert completion["response"]["body"]["choices"][0]["text"] == "answer 2 ä"
    failed, expired = lines(store, "errors.jsonl")
    assert (failed["custom_id"], failed["response"]["status_code"], failed["error"]["code"]) == ("c", 400, "invalid")
    assert "/v1/embeddings" in failed["error"]["message"]
    assert (expired["custom_id"], expired["response"], expired["error"]["code"]) == ("d", None, "batch_expired")


@pytest.mark.parametrize("fmt", [OutputFormat.JSONL, OutputFormat.PARQUET, OutputFormat.OPENAI_BATCH])
def test_publishing_again_gives_the_same_bytes(fmt: OutputFormat) -> None:
    outputs = []
    for _ in range(2):
        spec, store = staged_job(fmt)
        answered(spec, store)
        publish(spec, store, ManualClock(NOW))
        outputs.append(dict(store.objects))
    assert outputs[0] == outputs[1]


def test_published_job_is_not_touched_again() -> None:
    spec, store = staged_job()
    answered(spec, store)
    first = publish(spec, store, ManualClock(NOW))
    store.objects = {spec.layout.manifest: store.objects[spec.layout.manifest]}
    assert publish(spec, store, ManualClock(NOW + timedelta(days=1))) == first


class _FailsAtTheCopy(MemoryStore):
    broken = True

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        if self.broken and uri.endswith("/out/manifest.json"):
            raise StoreError("down")
        return super().put(uri, body)


def test_retry_after_delivery_without_proof() -> None:
    spec, plain = staged_job()
    answered(spec, plain)
    store = _FailsAtTheCopy()
    store.objects = plain.objects
    with pytest.raises(StoreError, match="down"):
        publish(spec, store, ManualClock(NOW))
    assert spec.layout.manifest not in store.objects
    delivered = store.objects["s3://b/out/results.jsonl"]
    store.broken = False
    assert publish(spec, store, ManualClock(NOW)).rows.input == 10
    assert store.objects["s3://b/out/results.jsonl"] == delivered


def test_rows_in_another_order_are_put_back() -> None:
    spec, store = staged_job()
    shards = answered(spec, store)
    put_result(spec, store, "shard-00000", shards["shard-00000"][::-1])
    publish(spec, store, ManualClock(NOW))
    assert [row["line"] for row in lines(store, "results.jsonl")] == list(range(1, 10))


def test_deadline_that_was_missed() -> None:
    spec, store = staged_job()
    answered(spec, store)
    assert not publish(spec, store, ManualClock(NOW + timedelta(hours=2))).sla.met


def _drop_shard(spec: JobSpec, store: MemoryStore, shards: dict[str, list[dict]]) -> None:
    del store.objects[spec.layout.result_shard("shard-00001")]


def _drop_row(spec: JobSpec, store: MemoryStore, shards: dict[str, list[dict]]) -> None:
    put_result(spec, store, "shard-00001", shards["shard-00001"][1:])


def _double_row(spec: JobSpec, store: MemoryStore, shards: dict[str, list[dict]]) -> None:
    put_result(spec, store, "shard-00001", [*shards["shard-00001"], shards["shard-00001"][0]])


def _foreign_row(spec: JobSpec, store: MemoryStore, shards: dict[str, list[dict]]) -> None:
    put_result(spec, store, "shard-00001", [*shards["shard-00001"][:3], shards["shard-00000"][0]])


def _foreign_shard(spec: JobSpec, store: MemoryStore, shards: dict[str, list[dict]]) -> None:
    put_result(spec, store, "shard-00009", shards["shard-00000"])


@pytest.mark.parametrize(
    ("damage", "missing", "duplicates", "shard"),
    [
        (_drop_shard, 4, 0, "shard-00001"),
        (_drop_row, 1, 0, "shard-00001"),
        (_double_row, 0, 1, "shard-00001"),
        (_foreign_row, 1, 1, "shard-00001"),
        (_foreign_shard, 0, 4, "shard-00009"),
    ],
)
def test_no_proof_and_no_output_without_every_row_once(damage, missing: int, duplicates: int, shard: str) -> None:
    spec, store = staged_job()
    damage(spec, store, answered(spec, store))
    with pytest.raises(ReconcileError, match=shard) as error:
        publish(spec, store, ManualClock(NOW))
    assert (error.value.missing, error.value.duplicates) == (missing, duplicates)
    assert not [uri for uri in store.objects if uri.startswith("s3://b/out") or "/failed/" in uri]
    assert spec.layout.manifest not in store.objects


@pytest.mark.parametrize("body", [b"not parquet", None])
def test_a_result_that_is_no_result_shard(body: bytes | None) -> None:
    spec, store = staged_job()
    answered(spec, store)
    if body is None:  # a staged shard where a result should be
        body = store.get(spec.layout.staged_shard("shard-00001"))
    store.put(spec.layout.result_shard("shard-00001"), body)
    with pytest.raises(StoreError, match=r"shard-00001\.parquet is not a result shard"):
        publish(spec, store, ManualClock(NOW))


def test_publishing_before_staging() -> None:
    spec, store = staged_job()
    del store.objects[spec.layout.staged_manifest]
    with pytest.raises(StoreError, match="Clear the task `stage`"):
        publish(spec, store, ManualClock(NOW))
