"""Real pipeline, real Prometheus, real Alertmanager, webhook: for a job that misses its deadline because it dies.

The driver of a hopeless job is frozen as soon as the job's heartbeat predicts the miss. While the heartbeat grows old,
the deadline passes, and three other jobs fail. Then the driver continues, and the job ends.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from chaos.cell import Matrix
from chaos.scene import Scene
from chaos.stack import echo_engine
from chaos.workload import SHORT
from e2e.echo.monitored import Monitored, monitored, require_programs
from llmbatch.core.staleness import ETA_UNKNOWN_SECONDS
from llmbatch_stack.demo.airflow_api import AirflowApi
from llmbatch_stack.demo.job_run import DAG_ID
from llmbatch_stack.settings import BUCKET
from monitoring.dashboards.queries import PanelQuery, silent_queries

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(1800)]

AT_RISK, PASSED = "LlmbatchJobDeadlineAtRisk", "LlmbatchJobDeadlinePassed"
STALE, FAILING = "LlmbatchJobHeartbeatStale", "LlmbatchJobsFailing"
TARGETS = {"llmbatch": 1, "statsd": 1, "ray": 3, "prometheus": 1, "alertmanager": 1}
"""Scrape jobs and how many endpoints each has on this machine."""

ROW_SECONDS, ROWS_PER_SECOND = 3.0, 8.0
"""Of one engine, which answers 24 rows at a time."""
FAILED_RUNS = 3
"""From so many on the alert about failing jobs fires."""
NOT_HERE = ("no GPU", "no price", "engine.statistics is off", "none ", "no failed row")
"""Parts of the texts of panels that stay empty here: what they show does not happen in this test."""
NOT_SENT = {"DAG files with errors", "Starving tasks by pool"}
"""Panels of gauges that Airflow sends only when it parses DAG files, here once an hour, and while a task starves."""
PATIENCE = 120.0
"""Seconds for what takes a few."""


@dataclass
class Story:
    """What happened and when, in seconds since the epoch."""

    api: AirflowApi
    watched: Monitored
    scene: Scene
    latencies: dict[str, float] = field(default_factory=dict)
    """Seconds from a fact to the webhook, by alert."""
    silent_while_running: list[PanelQuery] = field(default_factory=list)
    series_of_job: int = 0

    def arrives(self, name: str, fact: float, job_id: str = "", seconds: float = PATIENCE) -> None:
        """Wait until the webhook has an alert."""
        self.scene.until(lambda: self.watched.firing(name, job_id), f"{name} at the webhook", seconds)
        self.latencies[name] = time.time() - fact


@pytest.fixture(scope="module")
def story(matrix: Matrix) -> Iterator[Story]:
    require_programs()
    stack = matrix.stack
    stack.mend()
    first_answer = matrix.seconds_to_first_answer(SHORT)
    engine = echo_engine(stack.journal, ROW_SECONDS)
    with stack.api() as api, monitored(stack, engine) as watched:
        scene = Scene(stack, api, f"hopeless__{uuid.uuid4().hex[:8]}")
        made = Story(api, watched, scene)
        _play(made, 2 * first_answer + 30)
        yield made


def _play(story: Story, deadline_seconds: float) -> None:
    scene, watched = story.scene, story.watched
    began = time.time()
    deadline = began + deadline_seconds
    _start(
        story, scene.run_id, "hopeless", rows=round(4 * deadline_seconds * ROWS_PER_SECOND), seconds=deadline_seconds
    )
    scene.until(lambda: _predicts_a_miss(scene, deadline), "a heartbeat that predicts the miss")
    seen = time.time()
    with _frozen(scene):
        story.arrives(AT_RISK, seen, scene.job_id)
        story.silent_while_running = silent_queries(
            watched.stack.settings.prometheus_url, job_id=scene.job_id, minutes=10
        )
        story.series_of_job = len(watched.ask(f'{{job_id="{scene.job_id}"}}'))
        story.arrives(FAILING, _fail_runs(story))
        story.arrives(PASSED, deadline, scene.job_id, deadline_seconds + PATIENCE)
        story.arrives(STALE, seen + ETA_UNKNOWN_SECONDS, scene.job_id, ETA_UNKNOWN_SECONDS + PATIENCE)
    scene.until(lambda: scene.run_state() in {"success", "failed"}, "the end of the run")


def _predicts_a_miss(scene: Scene, deadline: float) -> bool:
    progress = scene.progress()
    return progress is not None and progress.eta is not None and time.time() + progress.eta.p50 > deadline


@contextmanager
def _frozen(scene: Scene) -> Iterator[None]:
    """Freeze the process of the Ray job, which Ray takes for running all the time."""
    drivers = scene.drivers()
    assert drivers
    for process in drivers:
        process.suspend()
    try:
        yield
    finally:
        for process in drivers:
            process.resume()


def _fail_runs(story: Story) -> float:
    """Start runs without an input; return when the last of their tasks had failed."""
    runs = [Scene(story.scene.stack, story.api, f"failing__{uuid.uuid4().hex[:8]}") for _ in range(FAILED_RUNS)]
    for each in runs:
        _start(story, each.run_id, f"missing-{each.run_id}", rows=0, seconds=3600)
    ends: dict[str, datetime] = {}

    def all_failed() -> bool:
        tasks = {each.run_id: story.api.tasks(DAG_ID, each.run_id)["accept"] for each in runs}
        ends.update({run_id: task.ended for run_id, task in tasks.items() if task.state == "failed" and task.ended})
        return len(ends) == len(runs)

    story.scene.until(all_failed, "the failure of the runs without an input")
    return max(ends.values()).timestamp()


def _start(story: Story, run_id: str, name: str, *, rows: int, seconds: float) -> None:
    """Start a job whose deadline is in so many seconds. Without rows it has no input."""
    uri = f"s3://{BUCKET}/inputs/monitoring/{name}.jsonl"
    if rows:
        lines = [json.dumps({"prompt": f"Say {number}."}) for number in range(rows)]
        story.scene.stack.store.put(uri, "\n".join(lines).encode())
    story.api.trigger(DAG_ID, {"input_uri": uri, "sla_hours": seconds / 3600, "sampling": {"max_tokens": 8}}, run_id)


def test_each_alert_arrives_once_with_its_values(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\nseconds from fact to webhook:", {name: round(each, 1) for name, each in story.latencies.items()})
    job_id = story.scene.job_id
    counted = Counter((each.name, each.job_id) for each in story.watched.notifications() if each.status == "firing")
    assert counted == {(AT_RISK, job_id): 1, (PASSED, job_id): 1, (STALE, job_id): 1, (FAILING, ""): 1}
    for each in story.watched.notifications():
        assert each.job_id in each.text
        assert "{{" not in each.text
    assert max(story.latencies.values()) < 60, story.latencies


def test_every_target_is_scraped(story: Story) -> None:
    assert story.watched.ask("count by (job) (up == 1)") == {f"job={job}": each for job, each in TARGETS.items()}


def test_the_series_of_a_job_end_with_it(story: Story) -> None:
    assert story.series_of_job > 20
    ours = f'count({{job_id="{story.scene.job_id}"}})'
    story.scene.until(lambda: not story.watched.ask(ours), "the end of the job's series")


def test_events_of_tasks_arrive(story: Story) -> None:
    watched = story.watched
    finished = watched.wait("sum by (sla) (llmbatch_jobs_finished_total)", PATIENCE)
    assert finished == {"sla=missed": 1}
    assert watched.ask("sum(llmbatch_admissions_total)") == {"": 1}
    assert watched.ask("sum by (task_id) (llmbatch_jobs_failed_total)") == {"task_id=accept": FAILED_RUNS}


def test_every_query_of_the_dashboards_has_series(story: Story) -> None:
    """While a job runs, or after its end."""
    url = story.watched.stack.settings.prometheus_url
    silent = silent_queries(url, job_id=story.scene.job_id, minutes=10)
    possible = [each for each in silent if not any(text in each.absence for text in NOT_HERE)]
    possible = [each for each in possible if each.panel not in NOT_SENT]
    never = [each for each in possible if each in story.silent_while_running]
    assert not never, "\n".join(f"{each.dashboard} | {each.panel}: {each.expr} ({each.absence})" for each in never)
