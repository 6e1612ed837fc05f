from __future__ import annotations

from fakes.plotly_figures import valid
from fakes.sla_figures import NO_ALERTS, alerts
from llmbatch.gateway.pages.figures.alert_quality import alert_quality


def test_alerts_and_missed_deadlines_are_whole_bars() -> None:
    found = alert_quality(alerts())
    drawn = valid(found)
    missed, red = (sum(trace.x[row] for trace in drawn.data) for row in (0, 1))
    assert (missed, red) == (4, 5)
    assert found is not None
    assert "3 missed the deadline, 1 were rescued by a reaction and 1 were false alarms" in found.summary


def test_a_part_without_a_job_has_no_number() -> None:
    texts = [text for trace in valid(alert_quality(alerts())).data for text in trace.text]
    assert "0" not in texts


def test_without_an_alert_and_a_missed_deadline_there_is_no_figure() -> None:
    assert alert_quality(NO_ALERTS) is None
    assert alert_quality(alerts(red_jobs=0)) is not None
