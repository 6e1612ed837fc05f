from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llmbatch.core import alert_content
from llmbatch.core.alert_content import compose
from llmbatch.core.alerts import Level
from llmbatch.core.job_request import JobRequest
from llmbatch.core.progress import EtaSeconds, Progress, Replicas, RowCounts, ShardCounts
from llmbatch.core.request_options import OnDeadline, Reactions
from llmbatch.core.sla import JobSla
from llmbatch.core.states import Phase

START = datetime(2030, 1, 1, tzinfo=UTC)
NOW = START + timedelta(seconds=100)
DEADLINE = START + timedelta(seconds=1000)


def job_sla(**request: Any) -> JobSla:
    return JobSla("job-1", "d", "r", START, DEADLINE, JobRequest(input_uri="s3://in/a", **request))


def beat(**changes: Any) -> Progress:
    fields: dict[str, Any] = {
        "job_id": "job-1",
        "generation": 1,
        "sequence": 1,
        "phase": Phase.WORK,
        "written_at": NOW - timedelta(seconds=10),
        "started_at": START,
        "rows": RowCounts(total=100, succeeded=25),
        "shards": ShardCounts(total=1),
        "replicas": Replicas(live=2, wanted=2),
        "eta": EtaSeconds(p10=1000, p50=2000, p90=4000),
        "eta_reason": "rows are long",
    }
    return Progress(**{**fields, **changes})


def composed(level: Level = Level.RED, progress: Progress | None = None, **changes: Any) -> Any:
    fields: dict[str, Any] = {"sla": job_sla(), "progress": progress, "is_stale": False, "now": NOW}
    given = {**fields, "raised_by": "sensor", **changes}
    return compose(given.pop("sla"), level, 1, **given)


@pytest.fixture
def needed(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """What is said of the replicas that are needed."""
    answer: list[int | None] = [None]

    def say(progress: Progress, seconds_left: float, most: int) -> int | None:
        assert (seconds_left, most) == (910, 1024)
        return answer[0]

    monkeypatch.setattr(alert_content, "replicas_needed", say)
    return answer


def test_the_eta_counts_from_the_alert_on(needed: list[int | None]) -> None:
    needed[0] = 4
    alert = composed(progress=beat())
    assert alert.eta == EtaSeconds(p10=990, p50=1990, p90=3990)
    assert alert.late_seconds == 1090
    assert (alert.progress, alert.replicas, alert.replicas_needed) == (0.25, 2, 4)
    assert alert.miss_probability > 0.85
    assert alert.reason == "rows are long"


@pytest.mark.parametrize("count", [None, 1, 2])
def test_a_number_that_is_there_already_is_no_help(needed: list[int | None], count: int | None) -> None:
    needed[0] = count
    assert composed(progress=beat()).replicas_needed is None


def test_a_stale_heartbeat_predicts_nothing() -> None:
    alert = composed(progress=beat(), is_stale=True)
    assert (alert.eta, alert.miss_probability, alert.replicas_needed) == (None, None, None)
    assert alert.reason == "the last heartbeat is 10 s old"
    assert alert.progress == 0.25


@pytest.mark.usefixtures("needed")
@pytest.mark.parametrize(
    ("level", "changes", "words"),
    [
        (Level.RED, {"progress": beat()}, "more replicas alone would not"),
        (Level.RED, {"progress": beat(), "sla": job_sla(reactions=Reactions(max_replicas=4))}, "taken automatically"),
        (Level.RED, {"progress": beat(eta=None)}, "log of the task `run`"),
        (Level.YELLOW, {}, "log of the task `run`"),
        (Level.CRITICAL, {"progress": beat()}, "expire"),
        (Level.CRITICAL, {"sla": job_sla(on_deadline=OnDeadline.FINISH)}, "still answered"),
        (Level.CRITICAL, {"sla": JobSla("job-1", "d", "r", START, DEADLINE)}, "not accepted yet"),
    ],
)
def test_advice_fits_the_situation(level: Level, changes: dict[str, Any], words: str) -> None:
    assert words in composed(level, **changes).advice


@pytest.mark.usefixtures("needed")
def test_a_yellow_of_a_job_that_is_well_needs_no_advice() -> None:
    assert composed(Level.YELLOW, beat()).advice == ""


def test_replicas_are_the_first_advice(needed: list[int | None]) -> None:
    needed[0] = 4
    assert "`replicas`" in composed(Level.YELLOW, beat()).advice


@pytest.mark.usefixtures("needed")
@pytest.mark.parametrize(
    ("level", "url"), [(Level.RED, "https://w#sla-red"), (Level.CRITICAL, "https://w#sla-critical"), (Level.OK, "")]
)
def test_the_runbook_s_anchor_is_the_level(level: Level, url: str) -> None:
    assert composed(level, beat(), runbook_url="https://w").runbook_url == url
    assert composed(level, beat()).runbook_url == ""


def test_ok_predicts_nothing_and_says_why() -> None:
    alert = composed(Level.OK, beat(), reason="the job finished")
    assert (alert.eta, alert.advice, alert.reason) == (None, "", "the job finished")
