"""What finished jobs teach."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.eta.history import MOST_JOBS, FinishedJob, History
from llmbatch.core.eta.priors import LengthPrior, Priors
from llmbatch.core.eta.spread import KNOTS, Spread

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


def job(n: int, ratio: float | None = 0.0, engine: str = "gpu", **values: object) -> FinishedJob:
    given = {"job_id": f"job-{n}", "finished_at": BEGIN + timedelta(hours=n), "engine": engine}
    return FinishedJob(**given, log_ratios=(ratio,) * len(KNOTS), **values)


def many(count: int, engine: str = "gpu", shift: float = 0.0) -> History:
    history = History()
    for n in range(count):
        history = history.with_job(job(n, shift + 0.02 * (n % 11 - 5), engine))
    return history


def test_no_history_is_wide_and_believes_the_defaults() -> None:
    assert History().spread_for("gpu") == Spread.default()
    assert History().priors_for("gpu") == Priors()


def test_history_narrows_and_corrects() -> None:
    found = many(40, shift=0.2).spread_for("gpu").at(0.5)
    wide = Spread.default().at(0.5)
    assert found.p50 == pytest.approx(0.2, abs=0.03)
    assert found.p90 - found.p10 < (wide.p90 - wide.p10) / 2


def test_an_unknown_engine_leans_on_all_jobs() -> None:
    assert many(40, "cpu", 0.2).spread_for("gpu").at(0.5).p50 == pytest.approx(0.2, abs=0.05)


def test_jobs_that_only_read_and_jobs_that_write_keep_their_errors_apart() -> None:
    """Jobs that write were a third too late; the first embedding job on any engine is not corrected for that."""
    history = many(40, "cpu", 0.3)
    assert history.spread_for("gpu", "embed") == Spread.default()
    for n in range(100, 140):
        history = history.with_job(job(n, -0.2 + 0.01 * (n % 5), "cpu embed", task="embed"))
    assert history.spread_for("gpu embed", "embed").at(0.5).p50 == pytest.approx(-0.18, abs=0.03)
    assert history.spread_for("gpu", "generate").at(0.5).p50 == pytest.approx(0.3, abs=0.05)


def test_bounded_ordered_and_once_each() -> None:
    history = many(MOST_JOBS + 20).with_job(job(MOST_JOBS + 5, 0.9))
    assert len(history.jobs) == MOST_JOBS
    assert len({each.job_id for each in history.jobs}) == MOST_JOBS
    assert history.jobs[0].job_id == "job-20"
    assert History.model_validate_json(history.model_dump_json()) == history


def test_priors_are_middles() -> None:
    answers = LengthPrior(level=80, slope=0.5, spread=0.4)
    history = History()
    for n, seconds in enumerate((50.0, 60.0, 90.0)):
        history = history.with_job(
            job(n, phases={"model_load": seconds}, rate=100.0 * (n + 1), price=0.04, answers=answers)
        )
    priors = history.priors_for("gpu")
    assert priors.phases["model_load"].seconds == pytest.approx(60)
    assert (priors.rate, priors.price, priors.lengths.level) == pytest.approx((200, 0.04, 80))
    assert history.priors_for("cpu") == Priors()
    assert history.priors_for("gpu", "other").lengths == LengthPrior()


@pytest.mark.parametrize(
    ("shares", "expected"), [((), 0.5), ((0.05,), 0.5), ((0.05, 0.05, 0.45), 0.45), ((0.8,) * 9, 0.8)]
)
def test_few_jobs_tell_little_of_the_fixed_share(shares: tuple[float, ...], expected: float) -> None:
    history = History()
    for n, share in enumerate(shares):
        history = history.with_job(job(n, fixed_share=share))
    assert history.priors_for("gpu").fixed_share == pytest.approx(expected)


@pytest.mark.parametrize(("levels", "rows"), [((80, 82, 79, 81), 100.0), ((5, 40, 300, 900), 2.0)])
def test_answers_that_differ_from_job_to_job_are_worth_little(levels: tuple[float, ...], rows: float) -> None:
    history = History()
    for n, level in enumerate(levels):
        history = history.with_job(job(n, answers=LengthPrior(level=level)))
    assert history.priors_for("gpu").lengths.rows == pytest.approx(rows)
