from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import Asset, CronDataIntervalTimetable
from airflow.serialization.serialized_objects import DagSerialization

from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest
from llmbatch.orchestrator.tasks.airflow_dags import nightly_batch

URI = "s3://b/{{ ds }}/"


def scheduled(schedule: Any) -> Any:
    dag = nightly_batch("nightly", schedule, input_uri=URI)
    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


def days(dag: Any) -> list[tuple[str, str, str]]:
    """Return the days of the run, of ``ds`` and of ``data_interval_start``, for each run."""
    runs = dag.iter_dagrun_infos_between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 4, tzinfo=UTC))
    return [(f"{run.run_after:%m-%d}", f"{run.logical_date:%m-%d}", f"{run.data_interval.start:%m-%d}") for run in runs]


def test_the_request_is_as_written_templates_included() -> None:
    dag = nightly_batch("nightly", "@daily", input_uri=URI, sla_hours=6, sampling={"max_tokens": 5}, tags=["team"])
    (task,) = dag.tasks
    assert task.request == {"input_uri": URI, "sla_hours": 6, "sampling": {"max_tokens": 5}}
    assert dag.tags == {"llmbatch", "team"}


def test_runs_may_overlap_and_missed_nights_are_left_out() -> None:
    dag = nightly_batch("nightly", "@daily", input_uri=URI)
    assert dag.max_active_runs > 1
    assert not dag.catchup


def test_a_new_dag_waits_for_its_next_night() -> None:
    now = datetime.now(UTC)
    night = scheduled(f"0 {(now.hour + 12) % 24} * * *")  # the last one is too long ago for Airflow to make up for
    first = night.next_dagrun_info(last_automated_run_info=None)
    assert now < first.run_after < now + timedelta(days=1)


def test_a_cron_text_has_the_day_of_the_run_and_a_data_interval_the_day_before() -> None:
    """As docs/schedules.md says."""
    assert days(scheduled("@daily"))[:3] == [
        ("01-01", "01-01", "01-01"), ("01-02", "01-02", "01-02"), ("01-03", "01-03", "01-03"),
    ]  # fmt: skip
    assert days(scheduled(CronDataIntervalTimetable("@daily", timezone="UTC")))[:3] == [
        ("01-02", "01-01", "01-01"), ("01-03", "01-02", "01-02"), ("01-04", "01-03", "01-03"),
    ]  # fmt: skip


@pytest.mark.parametrize("schedule", [Asset("questions"), [Asset("questions"), Asset("names")], None])
def test_assets_and_no_schedule(schedule: Any) -> None:
    assert scheduled(schedule).dag_id == "nightly"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"input_fromat": "csv"}, r"input_fromat: is not a field of a job request\. Did you mean 'input_format'"),
        ({"input_fromat": "{{ ds }}"}, r"input_fromat: is not a field"),
        ({"sampling": {"max_token": 5}}, r"sampling.max_token: .*max_tokens"),
        ({"sla_hours": -1}, r"sla_hours: .*-1"),
        ({"input_uri": "questions/"}, r"input_uri: .*questions/"),
        ({"prompt_template": '{{"a": 1}} {text}'}, r"prompt_template: is not a template .*\{% raw %\}"),
        ({"sampling": {"stop": ["{{ ds"]}}, r"sampling.stop.0: is not a template"),
    ],
)
def test_what_is_wrong_without_rendering_is_an_error_of_the_dag_file(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        nightly_batch("nightly", "@daily", **({"input_uri": URI} | fields))


@pytest.mark.parametrize("name", ["completion_window", *JobRequest.model_fields])
def test_every_field_may_be_a_template(name: str) -> None:
    fields: dict[str, Any] = {"input_uri": URI} | {name: "{{ var.value.x }}"}
    assert nightly_batch("nightly", "@daily", **fields).get_task("job").request == fields


def test_catchup_needs_its_first_night() -> None:
    with pytest.raises(ValueError, match="nightly: catchup needs a start_date"):
        nightly_batch("nightly", "@daily", input_uri=URI, catchup=True)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    assert nightly_batch("nightly", "@daily", input_uri=URI, catchup=True, start_date=first).catchup
