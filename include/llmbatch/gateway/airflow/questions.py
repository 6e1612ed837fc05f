"""Questions to Airflow about the rights of a user: calls that change nothing, and are refused without the right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from llmbatch.core.shown import shown
from llmbatch.gateway.airflow.paths import dag_path, run_path

NO_FIELD = "no_field"
"""Name of a field that a DAG does not have."""


@dataclass(frozen=True)
class Question:
    """One call. Airflow checks the right first; the answers 2xx and 400 mean that the user has it.

    Attributes:
        what: the right in words, such as ``edit llmbatch_inference``.
        query: parameters of the address.
    """

    method: str
    path: str
    what: str
    body: Mapping[str, JsonValue]
    query: tuple[tuple[str, str], ...] = ()


def may_start(dag_id: str) -> Question:
    """Whether the user may start runs. Airflow refuses a body without any field. Its audit log has the call."""
    return Question("POST", f"{dag_path(dag_id)}/dagRuns", f"start runs of {dag_id}", {})


def may_edit(dag_id: str) -> Question:
    """Whether the user may edit the DAG. Airflow refuses the name of the field. Its audit log has the call."""
    return Question("PATCH", dag_path(dag_id), f"edit {dag_id}", {"is_paused": False}, (("update_mask", NO_FIELD),))


def may_edit_run(dag_id: str, run_id: str) -> Question:
    """Whether the user may edit a run, which another right than that to the DAG decides. Airflow logs no dry run."""
    what = f"change run {shown(run_id, 250)} of {dag_id}"
    return Question("POST", f"{run_path(dag_id, run_id)}/clear", what, {"dry_run": True, "only_failed": True})


def may_continue_run(dag_id: str, run_id: str) -> Question:
    """Whether the user may clear tasks of a run, which is a right of its own. Airflow logs no dry run."""
    what = f"clear tasks of run {shown(run_id, 250)} of {dag_id}"
    body: dict[str, JsonValue] = {"dry_run": True, "dag_run_id": run_id, "only_failed": True}
    return Question("POST", f"{dag_path(dag_id)}/clearTaskInstances", what, body)
