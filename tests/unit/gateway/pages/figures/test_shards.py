"""The strip of shards."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from fakes.job_courses import drawn
from llmbatch.core.identity import shard_id_of
from llmbatch.gateway.pages.figures.shards import (
    MOST_CELLS,
    Shards,
    ShardState,
    committed_states,
    marked,
    place_of,
    shards,
)


def shard_states(
    total: int,
    committed: Iterable[str],
    running: Iterable[str] = (),
    redone: Iterable[str] = (),
    before: Iterable[str] = (),
) -> bytes:
    return marked(committed_states(total, committed, before), running, redone)


def ids(*numbers: int) -> tuple[str, ...]:
    return tuple(shard_id_of(n) for n in numbers)


def test_a_shard_has_the_state_that_says_most() -> None:
    found = shard_states(7, ids(0, 1, 2), running=ids(2, 3, 4), redone=ids(1, 4, 6), before=ids(0))
    assert [ShardState(each).name for each in found] == [
        "COMMITTED_BEFORE", "COMMITTED_AGAIN", "COMMITTED", "RUNNING", "RUNS_AGAIN", "WAITING", "RUNS_AGAIN",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["shard-00007x", "x", "", "shard-7", "shard-" + "9" * 5000, "a/shard-00001"])
def test_what_is_no_shard_is_passed_over(name: str) -> None:
    assert place_of(name) is None
    assert shard_states(2, [name, shard_id_of(9)]) == bytes(2)


def test_without_shards_there_is_no_strip() -> None:
    assert shards(Shards(b"")) is None


def test_each_shard_is_a_cell() -> None:
    figure = shards(Shards(shard_states(5, ids(0, 1), running=ids(2), redone=ids(1)), rows_redone=1200))
    found = drawn(figure)
    assert {trace.name: list(trace.y) for trace in found.data} == {
        "committed": [1, 0, 0, 0, 0],
        "committed, ran again": [0, 1, 0, 0, 0],
        "running": [0, 0, 1, 0, 0],
        "waiting": [0, 0, 0, 1, 1],
    }
    assert found.data[0].hovertext[:3] == (
        "shard 0 committed", "shard 1 committed, ran again", "shard 2 running",
    )  # fmt: skip
    assert figure is not None
    assert figure.summary == (
        "2 of 5 shards committed, 40.0 %. 1 running. 2 waiting. 1 ran again with 1,200 rows, because a replica died."
    )


def test_many_shards_are_cells_of_several_that_count_each_shard_once() -> None:
    total = 100_000
    figure = shards(Shards(shard_states(total, map(shard_id_of, range(60_100)), running=ids(60_100))))
    found = drawn(figure)
    assert {len(trace.y) for trace in found.data} == {MOST_CELLS}
    assert sum(sum(trace.y) for trace in found.data) == total
    assert (found.data[0].dx, found.data[0].x0, found.layout.yaxis.range[1]) == (250, 124.5, 250)
    assert found.data[0].hovertext[240] == "shards 60000 to 60249<br>100 committed<br>1 running<br>149 waiting"
    assert figure is not None
    assert len(figure.model_dump_json()) < 120_000
    assert figure.summary == "60,100 of 100,000 shards committed, 60.1 %. 1 running. 39,899 waiting."


@pytest.mark.parametrize("total", [1, 2, 399, 400, 401, 799, 12_345])
def test_cells_hold_all_shards(total: int) -> None:
    found = drawn(shards(Shards(shard_states(total, ids(0)))))
    assert sum(sum(trace.y) for trace in found.data) == total
    assert len(found.data[0].y) <= MOST_CELLS


def test_a_bounded_heartbeat_is_said_to_be_one() -> None:
    figure = shards(Shards(bytes(900), is_complete=False))
    assert figure is not None
    assert figure.summary.endswith("names at most 64 of the shards that run and of those that ran again.")
