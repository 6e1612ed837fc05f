from __future__ import annotations

from datetime import UTC, datetime, timedelta

import plotly.graph_objects
import pytest

from llmbatch.core.alerts import Level
from llmbatch.gateway.pages.figures.figure import LEVEL_COLOURS, Figure
from llmbatch.gateway.pages.figures.timeline import Forecast, timeline
from llmbatch.gateway.pages.zone import Zone

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
EVIL = '<a href="javascript:alert(1)">x</a>\x1b[2J\u202e&' + "y" * 1_000_000


def hours(number: float) -> datetime:
    return NOW + timedelta(hours=number)


def job(name: str = "a", **changes: object) -> Forecast:
    given = {"deadline": hours(4), "level": Level.OK, "words": "On track", "finish": (hours(1), hours(2), hours(3))}
    return Forecast(name, **{**given, **changes})  # type: ignore[arg-type]


def drawn(*jobs: Forecast, more: int = 0, zone: str = "UTC") -> Figure:
    made = timeline(jobs, more, NOW, Zone(zone))
    assert made is not None
    plotly.graph_objects.Figure(data=list(made.data), layout=made.layout)
    return made


def test_a_job_has_a_band_a_median_and_a_deadline() -> None:
    bands, medians, deadlines = drawn(job()).data
    assert (bands["base"], bands["x"]) == (["2030-01-01T13:00:00"], [2 * 3600 * 1000])
    assert medians["x"] == ["2030-01-01T14:00:00"]
    assert deadlines["x"] == ["2030-01-01T16:00:00"]


def test_times_are_those_of_the_reader() -> None:
    made = drawn(job(), zone="Asia/Tokyo")
    assert made.data[2]["x"] == ["2030-01-02T01:00:00"]
    assert "2030-01-01 23:00 JST" in str(made.data[0]["hovertext"])
    assert made.layout["shapes"][0]["x0"] == "2030-01-01T21:00:00"  # type: ignore[index,call-overload]


@pytest.mark.parametrize("level", Level)
def test_a_deadline_has_the_colour_of_the_level(level: Level) -> None:
    assert drawn(job(level=level)).data[2]["marker"]["color"] == [LEVEL_COLOURS[level]]  # type: ignore[index,call-overload]


def test_a_queued_job_has_an_empty_circle_and_no_band() -> None:
    bands, medians, _ = drawn(job(finish=None, queued=hours(3))).data
    assert bands["x"] == []
    assert medians["x"] == ["2030-01-01T15:00:00"]
    assert medians["marker"]["symbol"] == ["circle-open"]  # type: ignore[index,call-overload]


def test_a_job_of_unknown_size_has_a_deadline_only() -> None:
    made = drawn(job(finish=None))
    assert [len(trace["y"]) for trace in made.data] == [0, 0, 1]  # type: ignore[arg-type]
    assert "finish: not known yet" in str(made.data[2]["hovertext"])


def test_jobs_of_one_name_have_a_row_each() -> None:
    made = drawn(job("a"), job("a"))
    assert made.data[2]["y"] == [0, 1]
    assert made.layout["height"] > drawn(job("a")).layout["height"]  # type: ignore[operator]


def test_a_long_name_is_cut_in_its_middle() -> None:
    made = drawn(job("manual__2030-01-01T00:12:31.123456+00:00"))
    assert made.layout["yaxis"]["ticktext"] == ["manual__2030-\N{HORIZONTAL ELLIPSIS}.123456+00:00"]  # type: ignore[index,call-overload]


def test_hostile_names_are_text() -> None:
    made = drawn(job(EVIL)).model_dump_json()
    assert "<a" not in made
    assert "\\u001b" not in made
    assert "\u202e" not in made
    assert len(made) < 10_000


def test_the_summary_has_the_numbers() -> None:
    made = drawn(job(), job(deadline=hours(1)), job(finish=None), more=3)
    assert made.summary == (
        "Predicted finish and deadline of 3 open jobs. The P50 of 1 of them is after the deadline; for 1 no finish is "
        "known yet. 3 less urgent jobs are left out. The table below has the numbers."
    )


def test_without_a_job_there_is_no_figure() -> None:
    assert timeline([], 0, NOW, Zone()) is None
