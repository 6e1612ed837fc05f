"""Higher priority first, then the earliest deadline, as tables. Hours everywhere; P90 is 1.5 times P50 unless said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.admission import Admission, Feasibility, QueuedJob, weigh
from llmbatch.core.clock import LAST_DAY
from llmbatch.core.progress import EtaSeconds

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def eta(hours: float, p90: float | None = None) -> EtaSeconds:
    return EtaSeconds(p10=hours * 1800, p50=hours * 3600, p90=(hours * 1.5 if p90 is None else p90) * 3600)


def job(
    name: str, hours: float | None, due: float, replicas: int = 1, p90: float | None = None, priority: int = 0
) -> QueuedJob:
    return QueuedJob(
        job_id=name,
        root_uri=f"s3://b/jobs/{name}",
        deadline=NOW + timedelta(hours=due),
        replicas=replicas,
        priority=priority,
        eta=None if hours is None else eta(hours, p90),
    )


def said_of(new: QueuedJob, *others: QueuedJob, capacity: int = 1, most: int = 1) -> Admission:
    def eta_on(count: int) -> EtaSeconds | None:
        return eta(new.eta.p50 / 3600 * new.replicas / count) if new.eta else None

    return weigh(new, others, now=NOW, capacity=capacity, most=most, eta_on=eta_on)


def hours_of(stamp: datetime | None) -> float | None:
    return None if stamp is None else (stamp - NOW) / timedelta(hours=1)


A, B = job("a", 1, 2), job("b", 1, 6)
TABLE = [
    # new job, jobs before it, capacity, verdict, P50, P90, earliest, breaks
    (job("n", 1, 2), [], 1, "accepted", 1, 1.5, 1.5, ()),
    (job("n", 1, 1.5), [], 1, "accepted", 1, 1.5, 1.5, ()),
    (job("n", 1, 1.4), [], 1, "at_risk", 1, 1.5, 1.5, ()),
    (job("n", 1, 0.9), [], 1, "infeasible", 1, 1.5, 1.5, ()),
    # Behind an earlier deadline; the first place that hurts nobody is behind it, too.
    (job("n", 1, 3), [A], 1, "accepted", 2, 3, 3, ()),
    (job("n", 1, 2.5), [A], 1, "at_risk", 2, 3, 3, ()),
    (job("n", 1, 2.1, p90=1), [A], 1, "at_risk", 2, 2.5, 2.5, ()),
    # Before a later deadline: what matters is whether that one is kept.
    (job("n", 1, 3), [B], 1, "accepted", 1, 1.5, 1.5, ()),
    (job("n", 3, 5), [B], 1, "accepted", 3, 4.5, 4.5, ()),
    (job("n", 3.2, 5), [B], 1, "at_risk", 3.2, 4.8, 6.3, ("b",)),
    (job("n", 5.2, 5.8, p90=5.3), [B], 1, "infeasible", 5.2, 5.3, 6.8, ("b",)),
    # More replicas in the cluster than it may have are of no use to it.
    (job("n", 1, 1.5), [], 4, "accepted", 1, 1.5, 1.5, ()),
    # Two replicas share the work; a job of one replica gains nothing for itself.
    (job("n", 1, 1.5), [job("a", 1, 1)], 2, "accepted", 1, 1.5, 1.5, ()),
    (job("n", 1, 2.25, replicas=2), [job("a", 1, 1.6, replicas=1)], 2, "accepted", 1.5, 2.25, 2.25, ()),
    # One that is late already is not the new one's fault.
    (job("n", 1, 9), [job("a", 2, 1)], 1, "accepted", 3, 4.5, 1.5, ()),
    # Of unknown size: counts as no work, and is told.
    (job("n", 1, 2), [job("a", None, 1)], 1, "accepted", 1, 1.5, 1.5, ()),
]


@pytest.mark.parametrize(("new", "others", "capacity", "verdict", "p50", "p90", "earliest", "breaks"), TABLE)
def test_earliest_deadline_first(
    new: QueuedJob,
    others: list[QueuedJob],
    capacity: int,
    verdict: str,
    p50: float,
    p90: float,
    earliest: float,
    breaks: tuple[str, ...],
) -> None:
    said = said_of(new, *others, capacity=capacity)
    assert (said.verdict, said.breaks) == (verdict, breaks)
    assert said.eta_p50 == pytest.approx(p50 * 3600)
    assert said.eta_p90 == pytest.approx(p90 * 3600)
    assert hours_of(said.earliest_finish) == pytest.approx(earliest)


def test_a_deadline_at_the_earliest_finish_is_accepted() -> None:
    """What is offered instead can be had."""
    others = [job("a", 1, 2), job("b", 2, 5), job("c", 0.5, 9)]
    for hours in (0.2, 1, 2, 3, 5):
        offered = hours_of(said_of(job("n", hours, 0.1), *others).earliest_finish)
        assert offered is not None
        assert said_of(job("n", hours, offered + 1e-6), *others).verdict is Feasibility.ACCEPTED


@pytest.mark.parametrize(
    ("due", "most", "needed"), [(6, 8, 1), (3, 8, 2), (2.9, 8, 3), (0.75, 8, 8), (0.7, 8, None), (3, 1, None)]
)
def test_replicas_that_would_make_it(due: float, most: int, needed: int | None) -> None:
    """Four hours (six at P90) of work of one replica."""
    assert said_of(job("n", 4, due), most=most).replicas_needed == needed


def test_more_replicas_also_help_the_others() -> None:
    said = said_of(job("n", 3.2, 5), B, most=4)
    assert (said.verdict, said.replicas_needed) == (Feasibility.AT_RISK, 2)


def test_without_history_nothing_is_foretold() -> None:
    said = said_of(job("n", None, 0.1), A)
    assert said.verdict is Feasibility.ACCEPTED
    assert (said.eta_p50, said.eta_p90, said.earliest_finish, said.replicas_needed) == (None, None, None, None)
    assert said.reason == "no history for this engine"


def test_the_order_of_the_queue_and_an_own_entry_do_not_matter() -> None:
    new = job("n", 1, 2.5)
    said = said_of(new, A, B)
    assert said_of(new, B, job("n", 9, 1), A) == said
    assert said.jobs_before == 1


def test_the_reason_says_what_is_left_out() -> None:
    said = said_of(job("n", 3.2, 5), B, job("u", None, 1))
    assert "1 other jobs would miss their deadline" in said.reason
    assert "1 jobs of unknown size are not counted" in said.reason
    assert said.jobs_unknown == 1


def test_jobs_of_higher_priority_come_first_whatever_their_deadline() -> None:
    high = job("h", 1, 9, priority=5)
    said = said_of(job("n", 1, 2), high, job("low", 3, 1.9, priority=-5))
    assert (said.jobs_before, said.eta_p50) == (1, pytest.approx(2 * 3600))
    assert said.verdict is Feasibility.AT_RISK
    assert said_of(job("n", 1, 2, priority=6), high).verdict is Feasibility.ACCEPTED


def test_a_higher_priority_does_not_offer_a_turn_behind_lower_ones() -> None:
    low = job("low", 1, 2)
    said = said_of(job("n", 2, 9, priority=1), low)
    assert (said.verdict, said.breaks, said.earliest_finish) == (Feasibility.INFEASIBLE, ("low",), None)
    assert hours_of(said_of(job("n", 2, 9), low).earliest_finish) == pytest.approx(4.5)


def test_work_beyond_all_dates_is_infeasible_and_no_error() -> None:
    said = said_of(job("n", 1e12, 2), job("a", 1e12, 1))
    assert said.verdict is Feasibility.INFEASIBLE
    assert said.earliest_finish == LAST_DAY
