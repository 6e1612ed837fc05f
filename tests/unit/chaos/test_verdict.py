"""The judge sees what is missing, doubled, different or done twice."""

from pathlib import Path

import pytest

from chaos.matrix import ECHO_CELLS, SHORT_CELLS, VLLM_CELLS
from chaos.verdict import Verdict, difference, rows_redone

A, B, OTHER = ("a", ("succeeded", "x")), ("b", ("failed", None)), ("a", ("succeeded", "y"))


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        ([A, B], (0, 0, 0)),
        ([B, A], (0, 0, 0)),
        ([A], (1, 0, 0)),
        ([A, A, B], (0, 1, 0)),
        ([A, B, ("c", ("succeeded", ""))], (0, 1, 0)),
        ([OTHER, B], (0, 0, 1)),
        ([A, ("b", ("succeeded", None))], (0, 0, 1)),
        ([], (2, 0, 0)),
    ],
)
def test_difference(found, counts):
    assert difference([A, B], found) == counts


def test_rows_answered_twice_are_counted_over_all_replicas(tmp_path: Path):
    assert rows_redone(tmp_path) is None
    (tmp_path / "first.txt").write_text("1.0 a\n2.0 b\n")
    (tmp_path / "second.txt").write_text("3.0 b\n4.0 c\n5.0 b\n6.0")
    assert rows_redone(tmp_path) == 2


@pytest.mark.parametrize("bad", [{"missing": 1}, {"duplicates": 1}, {"different": 1}, {"wrong": ("left",)}])
def test_one_fault_is_enough(bad):
    assert Verdict().passed
    assert not Verdict(**bad).passed


def test_matrix_is_as_large_as_promised_and_its_titles_are_distinct():
    titles = [(cell.workload.name, cell.title) for cell in ECHO_CELLS]
    assert len(set(titles)) == len(titles) >= 40
    assert len(VLLM_CELLS) >= 8
    assert len(SHORT_CELLS) >= 6
