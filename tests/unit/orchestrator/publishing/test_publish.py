"""Publishing: outputs in every format, a manifest, and idempotent."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from fakes.answered_jobs import INPUT, NOW, answered, staged_job
from fakes.delivered import lines
from fakes.finished_jobs import alert_of, trace_of
from fakes.proofs import put_proof
from fakes.results import SCHEMA
from fakes.retries import delivered, finished, store_with_input
from llmbatch.core.alerts import Level
from llmbatch.core.clock import ManualClock
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.errors import ForeignManifest, StoreError
from llmbatch.core.progress import Progress, RowCounts, ShardCounts
from llmbatch.core.request_options import OutputFormat
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.publishing.publish import publish

COLUMNS = [
    *(
        "custom_id",
        "row_id",
        "line",
        "state",
        "text",
        "reasoning",
        "tool_calls",
        "finish_reason",
        "logprobs",
        "choices",
    ),
    *("prompt_tokens", "completion_tokens", "error_class", "error"),
]


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
    assert list(results[0]) == COLUMNS
    assert (results[0]["text"], results[0]["finish_reason"], results[0]["tool_calls"]) == ("answer 1 ä", "stop", None)
    failed = lines(store, "failed.jsonl")
    assert list(failed[0]) == [*COLUMNS, "request"]
    assert (failed[0]["line"], failed[0]["error_class"], failed[0]["request"]) == (10, "invalid", "broken")


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


def test_another_job_s_manifest_stops_the_publish_before_anything_is_delivered() -> None:
    spec, store = staged_job()
    answered(spec, store)
    put_proof(store, spec.layout, "job-ffffffffffffffff")
    before = dict(store.objects)
    with pytest.raises(ForeignManifest, match=spec.job_id):
        publish(spec, store, ManualClock(NOW))
    assert store.objects == before


def test_jobs_with_one_output_address_keep_their_own_files_and_the_pointer_names_the_last() -> None:
    store = store_with_input()
    conf = {"input_uri": "s3://b/in.jsonl", "output_uri": "s3://b/nightly/"}
    failing = finished(store, "monday", {2: "failed"}, **conf)
    first = {uri: body for uri, body in store.objects.items() if uri.startswith(failing.output_uri)}
    second = finished(store, "tuesday", **conf)
    assert failing.output_uri != second.output_uri
    assert {uri: body for uri, body in store.objects.items() if uri.startswith(failing.output_uri)} == first
    assert len(delivered(failing, store, "failed.jsonl")) == 2
    assert json.loads(store.get("s3://b/nightly/latest.json"))["job_id"] == max(failing.job_id, second.job_id)


def test_a_publish_that_ended_between_proof_and_pointer_writes_the_pointer_when_it_is_repeated() -> None:
    store = store_with_input()
    spec = finished(store, "monday", input_uri="s3://b/in.jsonl", output_uri="s3://b/nightly/")
    pointer = store.objects.pop("s3://b/nightly/latest.json")
    publish(spec, store, ManualClock(NOW))
    assert store.get("s3://b/nightly/latest.json") == pointer


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


def test_deadline_that_was_missed() -> None:
    spec, store = staged_job()
    answered(spec, store)
    assert not publish(spec, store, ManualClock(NOW + timedelta(hours=2))).sla.met


def test_publishing_before_staging() -> None:
    spec, store = staged_job()
    del store.objects[spec.layout.staged_manifest]
    with pytest.raises(StoreError, match="Clear the task `stage`"):
        publish(spec, store, ManualClock(NOW))
