"""Replicas over time, with alerts and reactions."""

from __future__ import annotations

import pytest

from fakes.job_courses import HOSTILE, at, course, drawn, halfway
from llmbatch.core.alerts import Level
from llmbatch.core.eta.trace import TracePoint
from llmbatch.core.manifest import LevelChange
from llmbatch.core.reactions import Reaction, ReactionKind
from llmbatch.gateway.pages.figures.figure import LEVEL_COLOURS
from llmbatch.gateway.pages.figures.replicas import replicas
from llmbatch.gateway.pages.zone import Zone

UTC = Zone()


def test_without_a_heartbeat_an_alert_or_a_reaction_there_is_no_figure() -> None:
    assert replicas(course(), UTC) is None


def test_alerts_and_reactions_are_marked_above_the_replicas() -> None:
    figure = replicas(halfway(), UTC)
    live, alerts, reactions = drawn(figure).data
    assert (live.line.shape, max(value for value in live.y if value is not None)) == ("hv", 4)
    assert list(live.y).count(None) == 2
    assert list(alerts.marker.color) == [LEVEL_COLOURS[Level.YELLOW], LEVEL_COLOURS[Level.RED]]
    assert alerts.hovertext[1].replace("of<br>", "of ").replace("<br>", "; ") == (
        "red at 2030-01-01 01:18 UTC; 2 h 42 min before the deadline; work 14500 s at 2 replicas; answers of 118 tokens"
    )
    assert reactions.hovertext == (
        "more replicas at 2030-01-01 01:19 UTC<br>2 \u2192 4<br>P90 is 6900 s after the deadline",
    )
    assert min(*alerts.y, *reactions.y) > 4
    assert figure is not None
    assert figure.summary == (
        "4 live replicas at last, 4 at most. "
        "Alerts: 2, the latest yellow at 2030-01-01 01:11 UTC, red at 2030-01-01 01:18 UTC. "
        "Reactions: 1, the latest more replicas at 2030-01-01 01:19 UTC."
    )


def test_an_alert_before_the_first_heartbeat_is_shown() -> None:
    late = LevelChange(at=at(5 * 3600), level=Level.CRITICAL)
    live, alerts = drawn(replicas(course(alerts=(late,)), Zone("Asia/Kolkata"))).data
    assert (list(live.x), list(alerts.x)) == ([], ["2030-01-01T10:30:00"])
    assert alerts.hovertext[0].endswith("1 h after the deadline")


@pytest.mark.parametrize("kind", ReactionKind)
def test_every_reaction_has_words_and_names_another_job_by_its_id(kind: ReactionKind) -> None:
    root = "s3://b/base/jobs/job-0000000000000001"
    step = Reaction(kind=kind, number=1, at=at(1), to=root, why=HOSTILE)
    text = drawn(replicas(course(reactions=(step,)), UTC)).data[-1].hovertext[0]
    assert "<br>job-0000000000000001<br>" in text
    assert "s3:" not in text
    assert "<a" not in text
    assert "\x1b" not in text


def test_marks_are_bounded_and_hostile_reasons_are_text() -> None:
    alerts = tuple(LevelChange(at=at(n), level=Level.RED, reason=HOSTILE) for n in range(1000))
    figure = replicas(course(alerts=alerts), UTC)
    marks = drawn(figure).data[1]
    assert len(marks.x) == 200
    assert "<a" not in marks.hovertext[0]
    assert figure is not None
    assert len(figure.summary) < 300


@pytest.mark.parametrize(
    ("most", "ticks"), [(1, [0, 1]), (4, [0, 1, 2, 3, 4]), (64, [0, 8, 16, 24, 32, 40, 48, 56, 64])]
)
def test_ticks_are_whole_replicas(most: int, ticks: list[int]) -> None:
    found = drawn(replicas(course([TracePoint(at=at(1), rows=0.0, replicas=most)]), UTC))
    assert list(found.layout.yaxis.tickvals) == ticks
