"""Alerts about throughput, GPUs, the queue, and rows and jobs that fail, over all jobs."""

from __future__ import annotations

from alert_cases.case import Case, Fires, Quiet, Series, of_job, s


def two_jobs(metric: str, values: str, phase: str = "work") -> dict[str, str]:
    """Return samples of two jobs in one phase."""
    return {
        s(f"llmbatch_job_{name}", job_id=job, **labels): samples
        for job in ("a", "b")
        for name, labels, samples in ((metric, {}, values), ("phase", {"phase": phase}, "1x120"))
    }


LOW, TOKENS, DROPPED = "LlmbatchThroughputLow", "LlmbatchTokensLow", "LlmbatchThroughputDropped"
RUNS = {s("llmbatch_job_paused", job_id=job): "0x120" for job in ("a", "b")}
BETWEEN = {s("llmbatch_job_phase", job_id=job, phase="work"): "0x120" for job in ("a", "b")}
PAUSED = {s("llmbatch_job_paused", job_id=job): "1x120" for job in ("a", "b")}


def engines(tokens: str, live: str = "1x120", phase: str = "work") -> Series:
    """Return samples of job ``a`` of the model ``m``."""
    return {
        of_job("output_tokens_per_second"): tokens,
        of_job("replicas", state="live"): live,
        of_job("phase", phase=phase): "1x120",
        of_job("info", dag_id="d", run_id="r", model="m", priority="0", owner="ann"): "1x120",
    }


TAIL = {
    s("llmbatch_job_phase", job_id="b", phase="work"): "1x59 0x60",
    s("llmbatch_job_replicas", job_id="b", state="live"): "1x120",
    s("llmbatch_job_info", job_id="b", model="m"): "1x120",
}
"""Job ``b`` of the same model, whose tail begins at minute 60."""
TOKENS_OF_B = s("llmbatch_job_output_tokens_per_second", job_id="b")

SPEED: tuple[Case, ...] = (
    Fires(LOW, {**two_jobs("rows_per_second", "4x9 1.5x60"), **RUNS}, 10, "3 rows a second"),
    Quiet(LOW, "two slow jobs", two_jobs("rows_per_second", "2.5x60")),
    Quiet(LOW, "the tail, in which nothing waits", two_jobs("rows_per_second", "1x60", phase="tail")),
    Quiet(LOW, "between phases", {**two_jobs("rows_per_second", "1x60"), **BETWEEN}),
    Quiet(LOW, "paused", {**two_jobs("rows_per_second", "1x60"), **PAUSED}),
    Fires(TOKENS, two_jobs("output_tokens_per_second", "800x9 250x60"), 10, "500 tokens a second"),
    Quiet(TOKENS, "two slow jobs", two_jobs("output_tokens_per_second", "500x60")),
    Quiet(TOKENS, "the tail, in which nothing waits", two_jobs("output_tokens_per_second", "1x60", phase="tail")),
    Fires(DROPPED, engines("1000x59 400x60"), 60, "engine of m writes 400 tokens"),
    Fires(DROPPED, {**engines("1000x59 400x60"), **TAIL, TOKENS_OF_B: "1000x59 600x60"}, 60, "engine of m writes 400"),
    Quiet(DROPPED, "another job in its tail", {**engines("1000x59 900x60"), **TAIL, TOKENS_OF_B: "1000x59 100x60"}),
    Quiet(DROPPED, "no engine for 3 minutes", engines("1000x120", live="1x20 0x2 1x90")),
    Quiet(DROPPED, "half of the engines too", engines("1000x59 400x60", live="2x59 1x60")),
    Quiet(DROPPED, "a little more than half", engines("1000x59 520x60")),
    Quiet(DROPPED, "the tail, in which nothing waits", engines("1000x59 400x60", phase="tail")),
)

MEMORY, IDLE = "LlmbatchGpuMemoryHigh", "LlmbatchGpuIdle"


def gpu(metric: str, index: int = 0) -> str:
    return s(f"ray_node_{metric}", instance="n:1", job="ray", GpuIndex=str(index))


def memory(used: str, available: str) -> Series:
    """Return the memory of a GPU, in MiB."""
    return {gpu("gram_used"): used, gpu("gram_available"): available}


WORKS = {of_job("phase", phase="work"): "1x120"}
GPUS: tuple[Case, ...] = (
    Fires(MEMORY, memory("60000x9 76000x60", "20000x9 4000x60"), 10, "GPU 0 of n:1 uses 95%"),
    Quiet(MEMORY, "as much as the target", memory("72000x60", "8000x60")),
    Fires(IDLE, {gpu("gpus_utilization"): "80x9 1x60", **WORKS}, 10, "used by 1 %"),
    Quiet(IDLE, "a model loads", {gpu("gpus_utilization"): "1x60", of_job("phase", phase="model_load"): "1x60"}),
    Quiet(IDLE, "no job", {gpu("gpus_utilization"): "1x60"}),
    Quiet(IDLE, "no GPU", WORKS),
    Quiet(IDLE, "one of two is busy", {gpu("gpus_utilization"): "1x60", gpu("gpus_utilization", 1): "80x60", **WORKS}),
)

BACKLOG, STUCK = "LlmbatchQueueBacklog", "LlmbatchQueueStuck"


def queue(working: int, admitting: int = 1) -> Series:
    return {
        s("llmbatch_queue_oldest_timestamp_seconds"): "0x60",
        s("llmbatch_jobs", phase="queued"): "3x60",
        s("llmbatch_jobs", phase="work"): f"{working}x60",
        s("llmbatch_admitting"): f"{admitting}x60",
    }


QUEUE: tuple[Case, ...] = (
    Fires(BACKLOG, {s("llmbatch_queue_jobs"): "20x9 150x60"}, 10, "150 jobs wait (target: at most 100)"),
    Quiet(BACKLOG, "as many as the target", {s("llmbatch_queue_jobs"): "100x60"}),
    Fires(STUCK, queue(working=0), 16, "waited for 21m 0s"),
    Quiet(STUCK, "a job runs: that is queueing", queue(working=1)),
    Quiet(STUCK, "the service is shut down", queue(working=0, admitting=0)),
)

FAILING, DEAD, ORPHANS = "LlmbatchJobsFailing", "LlmbatchDeadLettersEngine", "LlmbatchOrphanJobs"
FAILED = s("llmbatch_jobs_failed_total", task_id="run")
FINISHED = s("llmbatch_jobs_finished_total", model="m", sla="met")
LETTERS = s("llmbatch_dead_letter_rows_total", model="m", error_class="engine")
INVALID = s("llmbatch_dead_letter_rows_total", model="m", error_class="invalid")
STOPPED = s("llmbatch_orphans_stopped_total")

FAILURES: tuple[Case, ...] = (
    Fires(FAILING, {FAILED: "_x10 1 2 3x60"}, 12, "3 jobs have failed"),
    Fires(FAILING, {FAILED: "5x100 6 7 8x60", FINISHED: "9x100 10 11x60"}, 103, "3 jobs have failed"),
    Quiet(FAILING, "two", {FAILED: "_x10 1 2x60"}),
    Quiet(FAILING, "as many finish", {FAILED: "_x10 1 2 3x60", FINISHED: "_x10 3x60"}),
    Quiet(FAILING, "as many finish, of a known model", {FAILED: "5x100 6 7 8x60", FINISHED: "9x100 12x60"}, since=70),
    Quiet(FAILING, "failures of the past", {FAILED: "50x150"}, since=70),
    Fires(DEAD, {LETTERS: "_x35 400x30"}, 35, "400 rows of m have failed with engine"),
    Fires(DEAD, {LETTERS: "1000x100 1100x60"}, 101, "100 rows of m"),
    Quiet(DEAD, "rows of the user", {INVALID: "0+100x60"}),
    Quiet(DEAD, "a few", {LETTERS: "_x35 50x30"}),
    Quiet(DEAD, "rows of the past", {LETTERS: "1000x120"}, since=20),
    Fires(ORPHANS, {STOPPED: "_x10 2x60"}, 10, "stopped 2 Ray jobs"),
    Fires(ORPHANS, {STOPPED: "3x400 4x60"}, 401, "stopped 1 Ray jobs"),
    Quiet(ORPHANS, "of the past", {STOPPED: "3x500"}, since=370, until=500),
)

CASES = (*SPEED, *GPUS, *QUEUE, *FAILURES)
