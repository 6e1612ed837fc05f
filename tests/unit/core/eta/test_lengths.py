"""Lengths of answers: what is learned from answered rows, rows in flight, templates and limits."""

from __future__ import annotations

import math
import random

import pytest

from fakes.length_cells import answered, cell
from llmbatch.core.eta.lengths import OutputLengths
from llmbatch.core.eta.priors import LengthPrior
from llmbatch.core.eta.reach import Reached
from llmbatch.core.length_cells import LengthCell


def test_unfinished_rows_correct_the_bias_of_early_answers() -> None:
    """Of 400 rows begun together, those that ended first are short: their mean is far below the truth."""
    dice = random.Random(3)
    drawn = [max(1, round(dice.lognormvariate(5, 0.6))) for _ in range(400)]
    truth, reached = sum(drawn) / len(drawn), 100
    short = [n for n in drawn if n <= reached]
    seen = answered(20, 1000, short, rows=400).model_copy(update={"running": 400 - len(short)})
    lengths = OutputLengths(LengthPrior(level=50))
    for _ in range(20):
        lengths.fit([seen], {seen.key: Reached(reached, reached)})
    assert sum(short) / len(short) < 0.6 * truth
    assert lengths.expected(seen) == pytest.approx(truth, rel=0.12)


def test_longer_inputs_are_extrapolated() -> None:
    """Answers of 10 x sqrt(chars) in the short cells: the unseen cell of 6400 characters gets about 800."""
    seen = [answered(n, c, [round(10 * math.sqrt(c))] * 200) for n, c in ((17, 400), (19, 800), (21, 1600), (23, 3200))]
    lengths = OutputLengths(LengthPrior())
    lengths.fit(seen, {})
    assert lengths.expected(cell(25, 50, chars=50 * 6400)) == pytest.approx(
        800, rel=0.15
    )  # held back a little by the prior


def test_templates_keep_their_own_level() -> None:
    brief = answered(20, 1000, [10] * 100).model_copy(update={"template": "brief"})
    long = answered(20, 1000, [300] * 100).model_copy(update={"template": "long"})
    lengths = OutputLengths(LengthPrior())
    lengths.fit([brief, long], {})
    other = brief.model_copy(update={"bucket": 22, "chars": 200_000})
    assert lengths.expected(other) < 30


def test_what_rows_allow_is_known_before_any_answer() -> None:
    """Other jobs had answers of 100 tokens where 160 were allowed: 10 are expected where 16 are, and never more."""
    lengths, cells = OutputLengths(LengthPrior(level=100, slope=0)), [cell(limit=160), cell(limit=16)]
    lengths.fit(cells, {})
    assert [lengths.expected(each) for each in cells] == pytest.approx([100, 10], rel=0.01)
    assert OutputLengths(LengthPrior(level=160)).expected(cell(limit=16)) <= 16


@pytest.mark.parametrize(
    ("limits", "tokens", "unseen"), [((16, 64, 256), (16, 64, 256), 128), ((256, 512, 1024), (100,) * 3, 100)]
)
def test_whether_limits_cut_answers_is_learned(limits: tuple[int, ...], tokens: tuple[int, ...], unseen: float) -> None:
    """Answers that go on to their limit, and answers that do not care: what follows for a limit not seen yet."""
    seen = [answered(20, 1000, [n] * 200, limit=limit) for limit, n in zip(limits, tokens, strict=True)]
    lengths = OutputLengths(LengthPrior())
    for _ in range(3):
        lengths.fit(seen, {})
    assert lengths.expected(cell(limit=limits[-1] // 2 if unseen == 128 else 700)) == pytest.approx(unseen, rel=0.12)
    assert [lengths.expected(each) for each in seen] == pytest.approx(tokens, rel=0.05)


def test_many_cells_of_few_rows_add_up_to_what_was_answered() -> None:
    """The mean of logarithms is below the logarithm of the mean, the more so the fewer rows a cell has."""
    dice = random.Random(5)
    cells = [
        answered(10 + n, 100 * 1.2**n, [max(1, round(dice.lognormvariate(5, 1.0))) for _ in range(3)])
        for n in range(40)
    ]
    lengths = OutputLengths(LengthPrior())
    for _ in range(5):
        lengths.fit(cells, {})
    assert sum(3 * lengths.expected(each) for each in cells) == pytest.approx(sum(c.tokens for c in cells), rel=0.03)


def test_a_few_long_rows_among_labels_are_a_kind_of_their_own() -> None:
    """One answer in thirty of up to 256 tokens among labels of one to four: both are expected at their own rate."""
    dice = random.Random(7)
    drawn = [dice.randint(50, 256) if n % 30 == 0 else dice.randint(1, 4) for n in range(1500)]
    seen = answered(20, 1000, drawn, rows=3000, limit=256)
    lengths = OutputLengths(LengthPrior())
    for _ in range(10):
        lengths.fit([seen], {})
    assert lengths.expected(seen) == pytest.approx(sum(drawn) / len(drawn), rel=0.1)
    assert lengths.long == pytest.approx(1 / 30, rel=0.5)
    assert lengths.residual(seen, Reached(50, 50)) > 80  # 103 on average; a label never gets there


@pytest.mark.parametrize("others", [(), (cell(22, 50, limit=64),)])
def test_rows_without_output_tokens_have_none(others: tuple[LengthCell, ...]) -> None:
    """An embedding has no length, whatever other rows have; nothing divides by the limit of 0."""
    seen = cell(rows=100, limit=0, ended=50, answered=50, answered_seconds=20.0, running=16, running_seconds=8.0)
    lengths = OutputLengths(LengthPrior())
    for _ in range(3):
        lengths.fit([seen, *others], {seen.key: Reached()})
    assert lengths.expected(seen) == lengths.residual(seen, Reached()) == 0


def test_limits_of_many_long_answers_of_one_row_are_no_matter() -> None:
    limit = 131_072 * 128
    seen = answered(20, 1000, [limit, limit // 2] * 20, rows=100, limit=limit)
    lengths = OutputLengths(LengthPrior())
    for _ in range(3):
        lengths.fit([seen], {})
    assert lengths.expected(seen) == pytest.approx(0.75 * limit, rel=0.1)


def test_rows_in_flight_far_beyond_what_is_believed_do_no_harm() -> None:
    """History knows labels of two tokens; all rows of this job have 2000 of 4000 and none has an answer."""
    seen = cell(rows=100, running=64)
    lengths = OutputLengths(LengthPrior(level=2, slope=0, spread=0.1))
    for _ in range(5):
        lengths.fit([seen], {seen.key: Reached(2000, 2000)})
    assert 200 < lengths.expected(seen) < 2000
    assert lengths.residual(seen, Reached(2000, 2000)) == pytest.approx(1000, rel=0.1)
