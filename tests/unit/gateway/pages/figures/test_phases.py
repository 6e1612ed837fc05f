"""Seconds by phase as one bar."""

from __future__ import annotations

import pytest

from fakes.job_courses import HOSTILE, drawn
from llmbatch.gateway.pages.figures.phases import phases


@pytest.mark.parametrize("seconds", [{}, {"work": 0.0}])
def test_before_the_first_second_there_is_no_bar(seconds: dict[str, float]) -> None:
    assert phases(seconds) is None


def test_phases_are_in_the_order_of_time_with_stage_and_publish() -> None:
    figure = phases({"work": 3000.0, "publish": 60.0, "stage": 40.0, "queued": 0.0, "tail": 500.0})
    found = drawn(figure)
    assert [trace.name for trace in found.data] == ["stage", "work", "tail", "publish"]
    assert [trace.x[0] for trace in found.data] == pytest.approx([0.6667, 50, 8.3333, 1])
    assert found.data[1].hovertext == "work 50 min, 83 %<br>engines answer rows"
    assert (found.layout.barmode, found.layout.xaxis.title.text) == ("stack", "minutes")
    assert figure is not None
    assert figure.summary == "1 h: stage 40 s, work 50 min, tail 8 min 20 s, publish 1 min."


@pytest.mark.parametrize(
    ("seconds", "generations", "title"),
    [(7200.0, 1, "hours"), (30.0, 1, "seconds"), (150.0, 3, "minutes, 3 generations together")],
)
def test_the_unit_fits_the_whole(seconds: float, generations: int, title: str) -> None:
    assert drawn(phases({"work": seconds}, generations)).layout.xaxis.title.text == title


def test_phases_of_a_later_release_are_shown_as_text_and_not_without_end() -> None:
    figure = phases({"work": 9.0, HOSTILE: 1.0, **{f"p{n}": 1.0 for n in range(1000)}})
    found = drawn(figure)
    assert len(found.data) == 6
    assert "<a" not in str(found.data)
    assert figure is not None
    assert len(figure.summary) < 400
