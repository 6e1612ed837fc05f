"""From the jobs of a benchmark to its report: what each job's own proof and report say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import ValidationError

from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import ForeignManifest, ObjectMissing, SpecError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout, benchmark_uri
from llmbatch.core.manifest import JobManifest, read_manifest
from llmbatch.core.progress import Progress
from llmbatch.core.shown import shown
from llmbatch.core.states import Phase
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document
from llmbatch.orchestrator.benchmark.plan import PlannedJob
from llmbatch.orchestrator.benchmark.report import BenchmarkReport, EngineUsed, SettingResult, best_of
from llmbatch.orchestrator.history.job_report import SlaReport
from llmbatch.orchestrator.jobs.documents import read_spec


def compare(
    jobs: Sequence[PlannedJob],
    *,
    benchmark_id: str,
    run_id: str,
    model: str,
    engine: EngineSettings,
    base_uri: str,
    store: ObjectStore,
    now: datetime,
) -> BenchmarkReport:
    """Write ``report.json`` and ``report.md`` of the benchmark, and return the report.

    A setting whose job failed has a result with the reason; it never keeps the others from being compared.

    Args:
        jobs: the jobs as they were planned; their runs are over.
        benchmark_id: names the folder of the report.
        run_id: the run of the benchmark DAG.
        model: name of the model, as requests use it.
        engine: the engine of config.yaml.
        base_uri: where jobs and benchmarks are.
        store: the store that has them.
        now: written into the report.

    Raises:
        StoreError: the store failed.
    """
    found = [_measured(job, base_uri, store) for job in jobs]
    results = tuple(result for result, _ in found)
    report = BenchmarkReport(
        benchmark_id=benchmark_id,
        run_id=run_id,
        model=model,
        accelerator=engine.accelerator,
        input_uri=str(jobs[0].conf["input_uri"]),
        sampled_of=next((proof.input.sampled_of for _, proof in found if proof is not None), None),
        written_at=now,
        settings=results,
        best=best_of(results),
    )
    folder = benchmark_uri(base_uri, benchmark_id)
    store.put(f"{folder}report.md", report.markdown().encode())
    store.put(f"{folder}report.json", report.model_dump_json(indent=2).encode())
    return report


def _measured(job: PlannedJob, base_uri: str, store: ObjectStore) -> tuple[SettingResult, JobManifest | None]:
    layout = JobLayout.of(base_uri, job.job_id)
    result = SettingResult(number=job.number, run_id=job.run_id, job_id=job.job_id, setting=job.setting)
    try:
        spec = read_spec(layout.root, store)
    except (ObjectMissing, SpecError):
        return _with(
            result, problem=f"not accepted; the log of the task accept of run {job.run_id} has the reason"
        ), None
    result = _with(result, engine=_used(spec.engine))
    try:
        proof = read_manifest(layout, store)
        report = read_document(SlaReport, store.get(layout.sla))
    except (ObjectMissing, ForeignManifest, ValidationError):
        return _with(result, problem=_why_unfinished(spec, store)), None
    return _figures(result, proof, report), proof


def _figures(result: SettingResult, proof: JobManifest, report: SlaReport) -> SettingResult:
    rows, unreadable = proof.rows, proof.input.invalid_rows
    seconds = report.work_seconds or None
    problem = ""
    if rows.succeeded < rows.input - unreadable:
        problem = f"{rows.input - unreadable - rows.succeeded} rows did not succeed"
    elif seconds is None:
        problem = "it was over between two heartbeats: take a larger sample"
    return _with(
        result,
        problem=problem,
        rows=rows.input,
        succeeded=rows.succeeded,
        unreadable=unreadable,
        start_seconds=report.timing.get(Phase.MODEL_LOAD.value),
        work_seconds=seconds,
        requests_per_second=None if seconds is None else round(rows.succeeded / seconds, 3),
        output_tokens_per_second=report.tokens_per_second,
        latency_p50=report.latency.p50,
        latency_p95=report.latency.p95,
        peak_memory_mb=report.peak_memory_mb,
        usd_per_million_tokens=None if report.cost is None else report.cost.usd_per_million_tokens,
    )


def _why_unfinished(spec: JobSpec, store: ObjectStore) -> str:
    """Return what the last heartbeat says of a job without a proof."""
    try:
        progress = read_document(Progress, store.get(spec.layout.progress))
    except (ObjectMissing, ValidationError):
        return f"no engine was started; the logs of run {spec.run_id} have the reason"
    words = shown(progress.message.strip().split("\n", 1)[0])
    return f"{progress.phase.value}: {words[:300]}" if words else f"ended in phase {progress.phase.value}"


def _used(engine: EngineSettings) -> EngineUsed:
    return EngineUsed(
        batch_size=engine.max_num_seqs,
        concurrency=engine.max_replicas,
        max_num_batched_tokens=engine.max_num_batched_tokens,
        enforce_eager=engine.enforce_eager,
        chunked_prefill=engine.chunked_prefill,
    )


def _with(result: SettingResult, **changes: object) -> SettingResult:
    return SettingResult.model_validate({**result.model_dump(), **changes})
