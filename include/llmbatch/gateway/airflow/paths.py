"""Paths of Airflow's public REST API."""

from __future__ import annotations

import re

from llmbatch.core.shown import shown
from llmbatch.gateway.wire.failures import Failure

_SEGMENT = re.compile(r"[\w.~:+@-]{1,250}", re.ASCII)


def segment(name: str) -> str:
    """Return a name as one segment of a path; Airflow has no object whose name needs to be quoted."""
    if not _SEGMENT.fullmatch(name) or not name.strip("."):
        raise Failure(404, f"Airflow has no object of the name {shown(name, 250)!r}.", code="not_found")
    return name


def dag_path(dag_id: str) -> str:
    """Return the path of a DAG. Raises ``Failure`` 404 for a name that no DAG has."""
    return f"/api/v2/dags/{segment(dag_id)}"


def run_path(dag_id: str, run_id: str) -> str:
    """Return the path of a run. Raises ``Failure`` 404 for a name that no run has."""
    return f"{dag_path(dag_id)}/dagRuns/{segment(run_id)}"
