"""Names of DAGs, jobs, rows and shards. They are derived, so that a repeated step finds its first result."""

from __future__ import annotations

import hashlib

INFERENCE_DAG = "llmbatch_inference"
"""DAG id of the DAG whose runs are jobs."""

MAINTENANCE_DAG = "llmbatch_maintenance"
"""DAG id of the DAG that stops orphans and removes old data."""

DROP_DAG = "llmbatch_drop_folder"
"""DAG id of the DAG that starts a job for each input that is dropped into an inbox."""

BENCHMARK_DAG = "llmbatch_benchmark"
"""DAG id of the DAG that runs one job for each setting of an engine and compares them."""

DELIVERY_DAG = "llmbatch_delivery"
"""DAG id of the DAG that delivers a finished job to another address."""

FAILURE = "failure"
"""Key of the XCom in which a failed task of ``llmbatch_inference`` notes its error."""

JOB_ID_PATTERN = "job-[0-9a-f]{16}"
"""Regular expression that a whole job id matches; see ``job_id_of``."""

ROW_DIGITS = 9
"""Digits of the line number in a row id: a billion rows an object."""


def job_id_of(dag_id: str, run_id: str) -> str:
    """Return ``job-`` and 16 hex digits, always the same for one DAG run."""
    return "job-" + hashlib.sha256(f"{dag_id}\n{run_id}".encode()).hexdigest()[:16]


def benchmark_id_of(run_id: str) -> str:
    """Return ``bench-`` and 16 hex digits, always the same for one run of the benchmark DAG."""
    return "bench-" + hashlib.sha256(f"{BENCHMARK_DAG}\n{run_id}".encode()).hexdigest()[:16]


def benchmark_run_id(benchmark_id: str, number: int) -> str:
    """Return the run id of the job that measures the ``number``-th setting, from 1: ``bench__<benchmark id>__<n>``."""
    return f"bench__{benchmark_id}__{number}"


def submission_id_of(job_id: str, generation: int) -> str:
    """Return the Ray submission id of one generation of a job: ``<job_id>-g<n>``."""
    return f"{job_id}-g{generation}"


def row_id_of(object_index: int, line: int) -> str:
    """Return the id of a row: index of its input object and 1-based line, e.g. ``00000-000000017``."""
    return f"{object_index:05d}-{line:0{ROW_DIGITS}d}"


def shard_id_of(index: int) -> str:
    """Return the name of a shard, e.g. ``shard-00007``."""
    return f"shard-{index:05d}"
