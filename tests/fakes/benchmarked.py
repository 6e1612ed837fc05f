"""The jobs of a benchmark as they end: measured, or with a reason."""

from __future__ import annotations

from fakes.finished_jobs import finish, progress_of, spec_of
from llmbatch.core.benchmark_request import parse_benchmark
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest
from llmbatch.core.progress import Latency
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.benchmark.plan import PlannedJob
from llmbatch.orchestrator.history.job_report import report_sla


def planned_jobs(*batch_sizes: int) -> list[PlannedJob]:
    request = parse_benchmark({"input_uri": "s3://b/in.jsonl", "batch_sizes": list(batch_sizes)})
    return [
        PlannedJob(number=number, run_id=f"bench__bench-1__{number}", conf=request.job_conf(setting))
        for number, setting in enumerate(request.settings(), start=1)
    ]


def spec_for(job: PlannedJob) -> JobSpec:
    """The accepted job of a plan."""
    spec = spec_of()
    return spec.model_copy(
        update={
            "job_id": job.job_id,
            "run_id": job.run_id,
            "root_uri": f"{spec.layout.base}/jobs/{job.job_id}",
            "engine": spec.engine.with_options(job.setting),
        }
    )


def measured(store: MemoryStore, job: PlannedJob, tokens: int, *, succeeded: int = 95, unreadable: int = 5) -> None:
    """A job of 100 rows that is finished and reported, an hour of work long."""
    spec = spec_for(job)
    proof: JobManifest = finish(store, spec)
    changed = proof.model_copy(
        update={
            "input": proof.input.model_copy(update={"invalid_rows": unreadable, "sampled_of": 5000}),
            "rows": proof.rows.model_copy(update={"succeeded": succeeded, "failed": 100 - succeeded}),
            "tokens": proof.tokens.model_copy(update={"completion": tokens}),
        }
    )
    store.put(spec.layout.manifest, changed.model_dump_json().encode())
    last = progress_of(spec, 3600, phase=Phase.DONE, ended=100)
    last = last.model_copy(update={"latency": Latency(p50=1.5, p95=4.0), "peak_memory_mb": 900})
    store.put(spec.layout.progress, last.model_dump_json().encode())
    report_sla(spec.root_uri, store)


def broken(store: MemoryStore, job: PlannedJob, message: str) -> None:
    """A job whose engine could not start."""
    spec = spec_for(job)
    store.put(spec.layout.spec, spec.model_dump_json().encode())
    last = progress_of(spec, 60, phase=Phase.FAILED, ended=0).model_copy(update={"message": message})
    store.put(spec.layout.progress, last.model_dump_json().encode())
