"""The DAG runs that are not over, page by page."""

from __future__ import annotations

from llmbatch.gateway.airflow.client import ACTIVE, AirflowClient, DagRun

PAGE = 100
"""Most runs that Airflow returns at once."""


async def active_runs(
    airflow: AirflowClient, authorization: str, dag_id: str, *, most: int, states: tuple[str, ...] = ACTIVE
) -> tuple[DagRun, ...]:
    """Return up to ``most`` runs of a DAG in these states, the newest first.

    A run that begins between two pages may be left out or move others to the next page; each is returned once.
    """
    found: dict[str, DagRun] = {}
    for offset in range(0, most, PAGE):
        page = await airflow.runs(authorization, dag_id, limit=min(PAGE, most - offset), offset=offset, states=states)
        found.update((run.dag_run_id, run) for run in page)
        if len(page) < PAGE:
            break
    return tuple(found.values())


async def open_runs(airflow: AirflowClient, authorization: str, dag_id: str, *, most: int) -> tuple[DagRun, ...]:
    """Return up to ``most`` running runs of a DAG, then up to ``most`` of those that wait, the newest of each first."""
    # A run that starts between the two calls is in both lists.
    queued = await active_runs(airflow, authorization, dag_id, states=("queued",), most=most)
    running = await active_runs(airflow, authorization, dag_id, states=("running",), most=most)
    runs = {run.dag_run_id: run for run in (*queued, *running)}
    return tuple(sorted(runs.values(), key=lambda run: run.state == "queued"))
