"""Jobs with all that the page of a job shows, over the fakes of the gateway."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from fakes.finished_jobs import alert_of, progress_of, trace_of
from fakes.gateway import FakeGateway
from fakes.gateway_jobs import put_job
from fakes.results import answer, put_result
from llmbatch.core.admission import Admission, Feasibility
from llmbatch.core.alerts import Level
from llmbatch.core.control import Control
from llmbatch.core.dry_run import Bounds, CostBounds, DryRun
from llmbatch.core.input_size import InputSize
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.progress import EtaSeconds, Latency, Progress, Rates, Replicas, RowCounts, ShardCounts, TokenCounts
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import DesiredState, ErrorClass, Phase
from llmbatch.orchestrator.jobs.result_shards import RESULT_SCHEMA
from llmbatch.orchestrator.jobs.staged_shards import encode_shard

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e=HYPERLINK(1)"
"""HTML, a colour of a terminal, a mark that turns the direction of writing, a formula of a spreadsheet."""


def beat_of(spec: JobSpec, seconds: float = 1800, **changes: object) -> Progress:
    """A heartbeat of a job in the middle of its work, with errors."""
    beat = progress_of(spec, seconds, eta=(2400, 3000, 4200))
    given = {
        "rows": RowCounts(total=1000, succeeded=400, failed=12, expired=1, running=64),
        "shards": ShardCounts(total=16, committed=6),
        "tokens": TokenCounts(prompt=120_000, completion=40_000, cached=30_000),
        "rates": Rates(rows_per_second=0.4, output_tokens_per_second=40, recent_output_tokens_per_second=43),
        "latency": Latency(p50=12.0, p95=31.0),
        "replicas": Replicas(live=2, wanted=2),
        "dead_letters": {ErrorClass.TOO_LONG: 3, ErrorClass.SCHEMA: 9},
        "seconds_phase": {"model_load": 60.0, "work": seconds - 60},
        "eta_reason": "the length of the answers",
        **changes,
    }
    return beat.model_copy(update=given)


def put_beat(gateway: FakeGateway, spec: JobSpec, seconds: float = 1800, **changes: object) -> None:
    """Put ``beat_of``, written now; the clock is ``seconds`` after the submission."""
    gateway.clock.advance(max(0.0, seconds - (gateway.clock.now() - spec.created_at).total_seconds()))
    beat = beat_of(spec, seconds, **changes).model_copy(update={"written_at": gateway.clock.now()})
    gateway.store.put(spec.layout.progress, beat.model_dump_json().encode())
    trace = trace_of(spec, end=seconds)
    gateway.store.put(spec.layout.trace(1), trace.model_dump_json().encode())


def put_alerts(gateway: FakeGateway, spec: JobSpec, reason: str = "the length of the answers") -> None:
    """Put a yellow and a red alert."""
    for level, seconds in ((Level.YELLOW, 600), (Level.RED, 1200)):
        alert = alert_of(spec, level, seconds).model_copy(update={"reason": reason})
        gateway.store.put(spec.layout.alert(level, 1), alert.model_dump_json().encode())


def put_control(gateway: FakeGateway, spec: JobSpec, desired: DesiredState = DesiredState.RUN, **more: object) -> None:
    """Put requests to a job."""
    control = Control(desired=desired, written_by="bob", reason="new GPUs", **more)  # type: ignore[arg-type]
    gateway.store.put(spec.layout.control, control.model_dump_json().encode())


def put_dry_run(gateway: FakeGateway, run_id: str = "dry", example: str = "in.jsonl line 3: not JSON") -> JobSpec:
    """Put a dry run that has ended, with what it has found."""
    spec = put_job(gateway, run_id, "success")
    spec = spec.model_copy(update={"request": spec.request.model_copy(update={"dry_run": True})})
    gateway.store.put(spec.layout.spec, spec.model_dump_json().encode())
    found = DryRun(
        job_id=spec.job_id, rows=1000, invalid_rows=2, invalid_examples=(example,), too_many_invalid=False,
        prompt_tokens=Bounds(low=11_250, high=154_000), output_tokens=Bounds(low=0, high=64_000), max_model_len=8192,
        rows_too_long=Bounds(low=0, high=3), eta=EtaSeconds(p10=600, p50=900, p90=1800),
        size=InputSize(
            rows=998, rows_low=998, rows_high=998, mean_chars=90, chars_deviation=1, max_tokens=64, sampled_rows=998
        ),
        cost=CostBounds(gpu_hours=(0.1, 0.2, 0.4), usd=(0.25, 0.5, 1.0)),
        admission=Admission(
            job_id=spec.job_id, verdict=Feasibility.AT_RISK, decided_at=spec.created_at, deadline=spec.deadline,
            replicas=2, reason="4 jobs before it",
        ),
    )  # fmt: skip
    gateway.store.put(spec.layout.dry_run, found.model_dump_json().encode())
    return spec


def staged_row(number: int, text: str = "What is a shard?", **changes: object) -> StagedRow:
    """A staged chat request."""
    request = {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
        "max_tokens": 64,
    }
    given = {
        "row_id": f"r{number:09d}", "custom_id": f"q{number}", "line": number, "url": "/v1/chat/completions",
        "request": json.dumps(request), "input_chars": len(text), "answer_limit": 64, "error_class": None,
        "error": None, **changes,
    }  # fmt: skip
    return StagedRow(**given)  # type: ignore[arg-type]


def put_rows(gateway: FakeGateway, spec: JobSpec, rows: Sequence[StagedRow]) -> None:
    """Stage rows, and commit them as one shard: a row with an error has failed, every other one has an answer."""
    gateway.store.put(spec.layout.staged_shard("shard-00000"), encode_shard(list(rows)))
    gateway.store.put(spec.layout.staged_manifest, b"{}")
    answers = [answer(row_of(row)) for row in rows]
    put_result(spec, gateway.store, "shard-00000", answers)


def put_dead_letters(gateway: FakeGateway, spec: JobSpec, rows: Sequence[StagedRow]) -> None:
    """Put failed rows, as publish writes them."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([answer(row_of(row)) for row in rows], schema=RESULT_SCHEMA), sink)
    gateway.store.put(spec.layout.failed_shard("shard-00000"), sink.getvalue())


def row_of(row: StagedRow) -> dict[str, object]:
    """A staged row by its columns."""
    return {name: getattr(row, name) for name in StagedRow.__slots__}


def done_beat(gateway: FakeGateway, spec: JobSpec) -> None:
    """Put the last heartbeat of a job whose rows are done."""
    put_beat(gateway, spec, phase=Phase.DONE)
