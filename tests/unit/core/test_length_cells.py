"""Rows counted by length."""

from __future__ import annotations

import pytest

from fakes.length_cells import cell
from llmbatch.core.length_cells import LengthClass, bucket_of, class_of


@pytest.mark.parametrize(("chars", "bucket"), [(0, 0), (1, 0), (100, 13), (141, 14), (200, 15), (400_000, 37)])
def test_bucket(chars: int, bucket: int) -> None:
    assert bucket_of(chars) == bucket


def test_a_class_is_the_half_octaves_of_input_and_limit() -> None:
    assert class_of(100, 64) == LengthClass(chars=13, limit=12)
    assert class_of(100, 131_072 * 128) == LengthClass(chars=13, limit=48)


def test_rows_without_output_tokens_are_a_class_of_their_own_kind() -> None:
    assert class_of(100, 0) == class_of(100, 1) == LengthClass(chars=13, limit=0)
    assert cell(limit=0).limit == 0


@pytest.mark.parametrize(
    ("ended", "running", "left", "waiting"), [(0, 0, 100, 100), (30, 16, 70, 54), (90, 16, 10, 0), (101, 0, 0, 0)]
)
def test_rows_left_are_running_or_waiting_and_never_negative(ended: int, running: int, left: int, waiting: int) -> None:
    found = cell(rows=100, ended=ended, running=running)
    assert (found.left, found.waiting) == (left, waiting)


@pytest.mark.parametrize(("rows", "chars", "mean"), [(4, 1000, 250.0), (4, 2, 1.0), (0, 0, 1.0)])
def test_an_average_row_has_at_least_one_character(rows: int, chars: int, mean: float) -> None:
    assert cell(rows=rows, chars=chars).mean_chars == mean
