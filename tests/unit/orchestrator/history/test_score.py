"""Accuracy of estimates and alerts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.finished_jobs import NOW, alert_of, spec_of, trace_of
from llmbatch.core.alerts import Level
from llmbatch.core.eta.trace import TracePoint
from llmbatch.orchestrator.history.score import alert_score, log_ratios, replicas_over_time, score_of

END = NOW + timedelta(seconds=3600)


@pytest.mark.parametrize(("wrong", "error", "bias", "held"), [(1.1, 10, 10, 100), (0.5, 50, -50, 0), (1.0, 0, 0, 100)])
def test_estimates_are_compared_with_the_end(wrong: float, error: float, bias: float, held: float) -> None:
    found = score_of([trace_of(spec_of(), wrong=wrong)], END)
    assert (found.ended_at, found.points, found.unknown) == (END, 20, 1)
    assert found.error_pct == pytest.approx(error)
    assert found.bias_pct == pytest.approx(bias)
    assert (found.coverage_pct, found.width) == (held, pytest.approx(1.3 / 0.8))


def test_estimates_after_the_end_do_not_count() -> None:
    found = score_of([trace_of(spec_of())], NOW + timedelta(seconds=1800))
    assert found.points == 10


def test_without_estimates_there_is_no_score() -> None:
    found = score_of([], END)
    assert (found.points, found.marks, found.error_pct, found.coverage_pct, found.width) == (0, (), None, None, None)


def test_the_history_has_the_estimates_of_the_last_generation_since_a_time() -> None:
    spec = spec_of()
    traces = [trace_of(spec, 1, end=1000.0, wrong=3.0), trace_of(spec, 2, begin=1000.0)]
    whole = log_ratios(traces, END, None).log_ratios(END.timestamp())
    late = log_ratios(traces, END, NOW + timedelta(seconds=2500)).log_ratios(END.timestamp())
    known = {round(ratio, 2) for ratio in whole if ratio is not None}
    assert known == {-0.1}
    assert sum(ratio is not None for ratio in late) < sum(ratio is not None for ratio in whole)
    assert {round(ratio, 2) for ratio in late if ratio is not None} == known
    assert set(log_ratios([], END, None).log_ratios(END.timestamp())) == {None}


@pytest.mark.parametrize(("hours", "lead", "percent"), [(2, 28800, 80.0), (11, -3600, -10.0)])
def test_the_lead_of_an_alert_is_its_part_of_the_window(hours: float, lead: float, percent: float) -> None:
    spec = spec_of(hours=10)
    found = alert_score(alert_of(spec, Level.RED, hours * 3600), spec.created_at)
    assert (found.level, found.lead_seconds, found.lead_pct) == (Level.RED, lead, percent)


def test_changes_of_the_number_of_replicas_have_their_times() -> None:
    points = [
        TracePoint(at=NOW + timedelta(seconds=n), rows=0.0, replicas=count) for n, count in enumerate((0, 2, 2, 1, 2))
    ]
    found = replicas_over_time(points)
    assert [((at - NOW).total_seconds(), count) for at, count in found] == [(0, 0), (1, 2), (3, 1), (4, 2)]
