from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.alerts import Alert, Level
from llmbatch.core.config_sections import SlaConfig
from llmbatch.core.progress import EtaSeconds, Progress, RowCounts, ShardCounts
from llmbatch.core.sla import LevelMachine, chance_of_miss
from llmbatch.core.states import Phase

START = datetime(2030, 1, 1, tzinfo=UTC)
DEADLINE = START + timedelta(seconds=1000)
OK, YELLOW, RED, CRITICAL = Level.OK, Level.YELLOW, Level.RED, Level.CRITICAL

SAFE, CALM, UNSURE, WORRY, LIKELY = 0.01, 0.14, 0.2, 0.4, 0.9
"""Chances of a miss: the last is above 0.75, where red begins; CALM and SAFE are below 0.15, where it ends."""

STALLED = None


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def beat(seconds: float, chance: float | None, sequence: int = 0, generation: int = 1) -> Progress:
    """A heartbeat whose ETA means this chance of a miss."""
    from statistics import NormalDist

    eta = None
    if chance is not None:
        left = (DEADLINE - at(seconds)).total_seconds()
        normal = NormalDist()
        p50 = left * 2 ** (-normal.inv_cdf(1 - chance) / normal.inv_cdf(0.9))
        eta = EtaSeconds(p10=p50 / 2, p50=p50, p90=p50 * 2)
    return Progress(
        job_id="job-1",
        generation=generation,
        sequence=sequence or int(seconds),
        phase=Phase.WORK,
        written_at=at(seconds),
        started_at=START,
        rows=RowCounts(total=100),
        shards=ShardCounts(total=1),
        eta=eta,
    )


def machine() -> LevelMachine:
    return LevelMachine(START, DEADLINE, SlaConfig(red_polls=2, red_for=0, red_from=0))


def play(levels: LevelMachine, chances: list[float | None], start: int = 1) -> list[tuple[int, Level]]:
    """Poll once a second, raise what is due; return poll number and level of each alert."""
    raised: list[tuple[int, Level]] = []
    for number, chance in enumerate(chances, start=start):
        levels.observe(beat(number, chance))
        for level in levels.due(at(number)):
            levels.note(level)
            raised.append((number, level))
    return raised


@pytest.mark.parametrize("chance", [SAFE, CALM, UNSURE, WORRY, LIKELY])
def test_the_chance_is_that_of_the_eta_at_the_deadline(chance: float) -> None:
    assert chance_of_miss(beat(100, chance), DEADLINE) == pytest.approx(chance, abs=1e-6)


@pytest.mark.parametrize("progress", [None, beat(1, None)])
def test_no_eta_is_no_chance(progress: Progress | None) -> None:
    assert chance_of_miss(progress, DEADLINE) is None


@pytest.mark.parametrize(
    ("chances", "alerts"),
    [
        ([UNSURE] * 20, []),
        ([WORRY] * 2, []),
        ([WORRY] * 9, []),
        ([LIKELY], []),
        ([LIKELY] * 9, [(2, RED)]),
        ([WORRY, LIKELY, LIKELY], [(3, RED)]),
        ([WORRY, WORRY, UNSURE, WORRY, WORRY, UNSURE], []),
        ([LIKELY, WORRY, LIKELY], []),
        ([LIKELY, UNSURE, LIKELY, UNSURE, LIKELY], []),
        ([WORRY, WORRY, STALLED, WORRY, WORRY], []),
        ([LIKELY, STALLED, LIKELY], []),
        ([LIKELY] * 2 + [CALM] * 4, [(2, RED)]),
        ([LIKELY] * 2 + [CALM] * 9, [(2, RED), (7, OK)]),
        ([LIKELY] * 2 + [UNSURE] * 20, [(2, RED)]),
        ([LIKELY] * 2 + [CALM] * 4 + [UNSURE] + [CALM] * 4, [(2, RED)]),
        ([LIKELY] * 2 + [CALM] * 4 + [STALLED] + [CALM] * 4, [(2, RED)]),
        ([LIKELY] * 2 + [STALLED] * 9 + [LIKELY] * 9, [(2, RED)]),
        ([LIKELY] * 2 + [SAFE] * 5 + [LIKELY] * 2, [(2, RED), (7, OK), (9, RED)]),
        ([SAFE] * 9, []),
    ],
)
def test_red_and_its_end_need_polls_in_a_row(chances: list[float | None], alerts: list[tuple[int, Level]]) -> None:
    assert play(machine(), chances) == alerts


@pytest.mark.parametrize(("seconds", "due"), [(699, ()), (700, (YELLOW,)), (999, (YELLOW,)), (1000, (CRITICAL,))])
@pytest.mark.parametrize("chance", [STALLED, SAFE])
def test_time_alone_raises_yellow_and_critical(seconds: int, due: tuple[Level, ...], chance: float | None) -> None:
    levels = machine()
    levels.observe(beat(min(seconds, 998), chance))
    assert levels.due(at(seconds)) == due


def test_a_job_that_cannot_make_it_hears_each_voice_once() -> None:
    assert play(machine(), [LIKELY] * 999, start=1) == [(2, RED), (700, YELLOW)]
    levels = machine()
    play(levels, [LIKELY] * 999)
    assert play(levels, [STALLED] * 9, start=1000) == [(1000, CRITICAL)]
    assert levels.raised == {RED: 1, YELLOW: 1, CRITICAL: 1}


def test_yellow_comes_once_even_after_an_ok() -> None:
    levels = machine()
    assert play(levels, [UNSURE, LIKELY, LIKELY, *[SAFE] * 9], start=699) == [(700, YELLOW), (701, RED), (706, OK)]


def test_a_yellow_that_comes_with_an_ok_is_not_ended_by_it() -> None:
    levels = machine()
    assert play(levels, [LIKELY, LIKELY, *[SAFE] * 5], start=694) == [(695, RED), (700, OK), (700, YELLOW)]
    assert levels.firing == {YELLOW}


def test_after_the_deadline_only_critical_is_left() -> None:
    late = machine()
    late.observe(beat(1, LIKELY))
    late.observe(beat(2, LIKELY))
    assert late.due(at(1000)) == (CRITICAL,)
    late.note(CRITICAL)
    assert late.due(at(2000)) == ()


def test_the_same_heartbeat_is_no_new_poll() -> None:
    levels = machine()
    for _ in range(9):
        levels.observe(beat(1, LIKELY))
    assert levels.due(at(9)) == ()
    levels.observe(beat(1, LIKELY, generation=2))
    assert levels.due(at(9)) == (RED,)


def test_an_alert_that_could_not_be_written_stays_due() -> None:
    levels = machine()
    levels.observe(beat(1, LIKELY))
    levels.observe(beat(2, LIKELY))
    assert levels.due(at(2)) == levels.due(at(3)) == (RED,)


def test_what_fires_is_what_came_since_the_last_ok() -> None:
    levels = machine()
    for level in (RED, YELLOW):
        levels.note(level)
    assert levels.firing == {RED, YELLOW}
    assert levels.at_risk
    levels.note(OK)
    assert levels.firing == set()
    assert not levels.at_risk


def stored(level: Level, number: int, seconds: float) -> Alert:
    return Alert(
        job_id="job-1",
        dag_id="d",
        run_id="r",
        level=level,
        number=number,
        raised_at=at(seconds),
        raised_by="sensor",
        deadline=DEADLINE,
    )


@pytest.mark.parametrize(
    ("before", "chances", "alerts"),
    [
        ([], [LIKELY] * 3, [(802, RED), (801, YELLOW)]),
        ([YELLOW], [LIKELY] * 3, [(802, RED)]),
        ([YELLOW, RED], [LIKELY] * 9, []),
        ([YELLOW, RED], [SAFE] * 9, [(805, OK)]),
        ([YELLOW, RED, OK], [SAFE] * 9, []),
        ([RED, OK], [LIKELY] * 9, [(801, YELLOW), (802, RED)]),
    ],
)
def test_a_restarted_watch_repeats_nothing_and_loses_nothing(
    before: list[Level], chances: list[float | None], alerts: list[tuple[int, Level]]
) -> None:
    levels = machine()
    levels.restore([stored(level, 1, second) for second, level in enumerate(before)])
    assert sorted(play(levels, chances, start=801)) == sorted(alerts)


def test_restoring_twice_counts_once_and_keeps_the_polls() -> None:
    levels = machine()
    levels.observe(beat(1, LIKELY))
    levels.observe(beat(2, LIKELY))
    for _ in range(2):
        levels.restore([stored(RED, 1, 0), stored(OK, 1, 1)])
    assert levels.raised == {RED: 1, OK: 1}
    assert levels.due(at(3)) == (RED,)


def test_thresholds_are_those_of_the_configuration() -> None:
    config = SlaConfig(yellow_at=0.5, red_above=0.3, red_polls=1, red_for=0, red_from=0, calm_polls=1)
    levels = LevelMachine(START, DEADLINE, config)
    assert play(levels, [WORRY, CALM]) == [(1, RED), (2, OK)]
    assert levels.due(at(500)) == (YELLOW,)


def first_red(config: SlaConfig, work: list[float]) -> int | None:
    """Poll once a second a job that will be late and has done these parts of its work; return the second of the red."""
    levels = LevelMachine(START, DEADLINE, config)
    for second, done in enumerate(work, start=1):
        levels.observe(beat(second, LIKELY).model_copy(update={"work_progress": done}))
        if RED in levels.due(at(second)):
            return second
    return None


@pytest.mark.parametrize(
    ("work", "red"),
    [
        ([0.3] * 99, 31),
        ([0.2] * 80 + [0.3] * 9, 81),
        ([0.29] * 999, 500),
    ],
)
def test_red_needs_time_and_evidence(work: list[float], red: int) -> None:
    assert first_red(SlaConfig(), work) == red


def test_three_polls_are_the_least_in_a_short_window() -> None:
    assert first_red(SlaConfig(red_for=0), [0.3] * 9) == 3
