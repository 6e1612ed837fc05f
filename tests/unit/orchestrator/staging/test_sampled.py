from __future__ import annotations

from collections.abc import Iterable

from fakes.input_rows import rows_of
from llmbatch.core.request_options import InputFormat
from llmbatch.orchestrator.staging.sampled import RowSample

BODY = b"".join(b'{"prompt": "question %d"}\n' % number for number in range(2000))


def lines(rows: Iterable) -> list[int]:
    return [row.line for row in rows]


def test_a_sample_has_exactly_so_many_rows_in_input_order_and_knows_how_many_there_are() -> None:
    sample = RowSample(100)
    taken = lines(sample.of(rows_of(BODY, InputFormat.JSONL)))
    assert len(taken) == 100
    assert taken == sorted(set(taken))
    assert sample.seen == 2000


def test_it_is_spread_over_the_whole_input() -> None:
    taken = lines(RowSample(200).of(rows_of(BODY, InputFormat.JSONL)))
    quarters = [sum(low < line <= low + 500 for line in taken) for low in range(0, 2000, 500)]
    assert min(quarters) >= 30


def test_it_is_the_same_in_every_job_and_a_smaller_one_is_a_part_of_a_larger_one() -> None:
    rows = rows_of(BODY, InputFormat.JSONL)
    other = rows_of(BODY, InputFormat.JSONL, system_prompt="Be brief.")
    assert lines(RowSample(50).of(rows)) == lines(RowSample(50).of(other))
    assert set(lines(RowSample(50).of(rows))) <= set(lines(RowSample(60).of(rows)))


def test_objects_are_drawn_from_alike() -> None:
    rows = rows_of({f"part-{n}.jsonl": BODY[:4000] for n in range(4)}, InputFormat.JSONL)
    taken = list(RowSample(200).of(rows))
    assert min(sum(row.row_id.startswith(f"0000{n}-") for row in taken) for n in range(4)) >= 25


def test_an_input_with_fewer_rows_is_taken_whole() -> None:
    sample = RowSample(10_000)
    assert lines(sample.of(rows_of(BODY, InputFormat.JSONL))) == list(range(1, 2001))
    assert sample.seen == 2000


def test_rows_stream_through() -> None:
    rows = rows_of(BODY, InputFormat.JSONL)
    held = RowSample(3)
    iterator = iter(rows)
    assert len(list(held.of(row for row in iterator))) == 3
    assert next(iterator, None) is None
