"""The factory of DAGs that start a job on a schedule: every night, after an asset, or for past days as a backfill.

Airflow skips files that hold only one of the words "airflow" and "dag". A user's file is short, so the name of this
module brings both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import DAG
from jinja2 import Environment, TemplateSyntaxError
from pydantic import JsonValue

from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest, parse_request
from llmbatch.core.sla_hours import SLA_FIELDS
from llmbatch.orchestrator.tasks.job_start import JobStart

if TYPE_CHECKING:
    from airflow.sdk.definitions.dag import ScheduleArg

_MARKS = ("{{", "{%", "{#")
_ANY_INPUT = "s3://bucket/input"


def nightly_batch(
    dag_id: str,
    schedule: ScheduleArg,
    *,
    input_uri: str,
    start_date: datetime | None = None,
    catchup: bool = False,
    max_active_runs: int = 16,
    tags: Collection[str] = (),
    wait: bool = True,
    **request: JsonValue,
) -> DAG:
    """Return a DAG of which each run is one job.

    E.g. ``nightly_batch("answers", "@daily", input_uri="s3://b/{{ ds }}/")`` answers each day's questions. Nothing is
    read while the file is parsed. The request is checked as far as it holds no template.

    Args:
        dag_id: id of the new DAG.
        schedule: cron text, timetable, asset or list of assets; None: only a person or a backfill starts runs.
        input_uri: as in a job request; a template, as every text of the request.
        start_date: the first night; without it that is the next one, or the last one if less than a tenth of the
            schedule's interval has passed since. Required with ``catchup``.
        catchup: also run the nights since ``start_date`` that were missed.
        max_active_runs: nights at a time; 1 lets a night wait for the end of the one before it.
        tags: of the DAG, besides ``llmbatch``.
        wait: the run ends when its job ends, and fails if the job fails. False: it ends when the job is started.
        request: every other field of a job request.

    Raises:
        RequestError: the name of a field or a value without a template is wrong, or a template has a syntax error.
        ValueError: ``catchup`` without ``start_date``.
    """
    fields: dict[str, JsonValue] = {"input_uri": input_uri, **request}
    _check(fields)
    if catchup and start_date is None:
        raise ValueError(f"{dag_id}: catchup needs a start_date, the first night to catch up")
    with DAG(
        dag_id=dag_id,
        description="Starts an LLM batch job and waits for its end.",
        doc_md=_DOC,
        schedule=schedule,
        start_date=start_date,
        catchup=catchup,
        max_active_runs=max_active_runs,
        tags=["llmbatch", *tags],
        default_args={
            "owner": "llmbatch",
            "retries": 3,
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=5),
        },
    ) as dag:
        JobStart(task_id="job", request=fields, wait=wait)
    return dag


_DOC = """The task **job** starts one job on the DAG `llmbatch_inference` for each run, and waits for its end.

Its button *Job* leads to the job. Clear it after a failure: the job continues with what is missing.
"""


def _check(fields: Mapping[str, JsonValue]) -> None:
    templated = {name for name, value in fields.items() if list(_templates(name, value))}
    unchecked = templated & {*JobRequest.model_fields, *SLA_FIELDS}
    known = {name: value for name, value in fields.items() if name not in unchecked}
    parse_request({"input_uri": _ANY_INPUT} | known)


def _templates(field: str, value: JsonValue) -> Iterator[str]:
    """Yield the path of each template in a value, at any depth.

    Raises:
        RequestError: a text has the marks of a template but not its syntax.
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _templates(f"{field}.{name}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _templates(f"{field}.{index}", inner)
    elif isinstance(value, str) and any(mark in value for mark in _MARKS):
        try:
            Environment(autoescape=True).parse(value)
        except TemplateSyntaxError as error:
            raise RequestError(
                field,
                f"is not a template that Airflow can render ({error.message})",
                "Write a Jinja expression between {{ and }}; write {% raw %}{{{% endraw %} for two literal braces.",
            ) from None
        yield field
