"""Names derived from names, so that a repeated step meets what the first one made."""

from __future__ import annotations

import hashlib

ROW_DIGITS = 9
"""Digits of the line number in a row id: a billion rows an object."""


def job_id_of(dag_id: str, run_id: str) -> str:
    """Return ``job-`` and 16 hex digits, always the same for one DAG run."""
    return "job-" + hashlib.sha256(f"{dag_id}\n{run_id}".encode()).hexdigest()[:16]


def submission_id_of(job_id: str, generation: int) -> str:
    """Return the Ray submission id of one generation of a job: ``<job_id>-g<n>``."""
    return f"{job_id}-g{generation}"


def row_id_of(object_index: int, line: int) -> str:
    """Return the id of a row: index of its input object and 1-based line, e.g. ``00000-000000017``."""
    return f"{object_index:05d}-{line:0{ROW_DIGITS}d}"


def shard_id_of(index: int) -> str:
    """Return the name of a shard, e.g. ``shard-00007``."""
    return f"shard-{index:05d}"
