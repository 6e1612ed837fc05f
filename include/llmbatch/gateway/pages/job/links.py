"""Links from a job to other pages: its run and task logs in Airflow, Ray's dashboard, Grafana."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.monitoring_settings import JOB_BOARD
from llmbatch.gateway.airflow.client import AirflowClient, DagRun
from llmbatch.gateway.jobs.failures import TASKS
from llmbatch.gateway.wire.failures import Failure

RAY_LINK = "ray_dashboard_link"
"""XCom of the task ``run`` with the page on Ray's dashboard, as its operator writes it."""

_LONGEST = 2000
_MARGIN_SECONDS = 600
"""What the dashboard shows before and after the job."""


@dataclass(frozen=True)
class Link:
    """One address; ``note`` says what is there."""

    name: str
    href: str
    note: str = ""


@dataclass(frozen=True)
class Elsewhere:
    """Links that leave the pages. ``run`` is None if Airflow has no such run any more."""

    run: Link | None
    logs: tuple[Link, ...] = ()
    ray: Link | None = None


async def elsewhere(run: DagRun, spec: JobSpec | None, airflow_url: str, airflow: AirflowClient, as_: str) -> Elsewhere:
    """Return the links of a job, read with the rights of the caller ``as_``. Costs two or three calls to Airflow."""
    try:
        states = await airflow.task_states(as_, run.dag_id, run.dag_run_id)
    except Failure:
        return Elsewhere(None)
    here = f"{airflow_url}/dags/{quote(run.dag_id, safe='')}/runs/{quote(run.dag_run_id, safe='')}"
    ordered = [*TASKS[:3], "watch", *TASKS[3:]]
    logs = [Link(task, f"{here}/tasks/{task}", states[task] or "not started") for task in ordered if task in states]
    return Elsewhere(Link("Run in Airflow", here), tuple(logs), await _ray(run, spec, airflow, as_))


async def _ray(run: DagRun, spec: JobSpec | None, airflow: AirflowClient, as_: str) -> Link | None:
    if spec is None:
        return None
    try:
        address = await airflow.xcom(as_, run.dag_id, run.dag_run_id, "run", RAY_LINK)
    except Failure:
        return None
    return Link("Ray dashboard", address) if isinstance(address, str) and is_web(address) else None


def is_web(address: str) -> bool:
    """Whether a text is an address that a link may have: what runs code when it is opened is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    is_short = len(address) <= _LONGEST and address.isprintable()
    return is_short and parts.scheme in {"http", "https"} and bool(parts.netloc)


def grafana_link(url: str | None, job_id: str, run: DagRun) -> Link | None:
    """Return the dashboard of a job over the time of its run; None without the address of Grafana."""
    if url is None:
        return None
    begin = round(1000 * (run.run_after.timestamp() - _MARGIN_SECONDS))
    end = "now" if run.end_date is None else round(1000 * (run.end_date.timestamp() + _MARGIN_SECONDS))
    return Link("Grafana", f"{url.rstrip('/')}{JOB_BOARD}?var-job_id={quote(job_id)}&from={begin}&to={end}")
