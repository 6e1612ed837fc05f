"""Rows of a job: lengths from several families, in several orders."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eta_real.trace import RealTrace, load

PROMPT_FILE = Path(__file__).parents[2] / "examples" / "prompts" / "python_docs.jsonl"
ORDERS = ("shuffled", "sorted", "sorted_down", "bursty")
_WITHIN_CELL = 0.1
"""Deviation of the logarithm of prompt lengths within a cell, which is half an octave wide."""


@dataclass(frozen=True, slots=True)
class SimRow:
    """One prompt: its template, characters in and tokens out."""

    template: str
    chars: int
    tokens: int


Family = Callable[[random.Random, int, int], list[SimRow]]
"""Draws ``count`` rows whose answers have at most ``cap`` tokens."""


def lognormal(dice: random.Random, count: int, cap: int) -> list[SimRow]:
    """Log-normal lengths; answers follow inputs with an exponent and a noise that differ from job to job."""
    spread, slope, noise = dice.uniform(0.3, 1.0), dice.uniform(0.0, 0.9), dice.uniform(0.2, 0.8)
    return _follow(dice, [dice.lognormvariate(6.5, spread) for _ in range(count)], slope, noise, cap)


def gamma(dice: random.Random, count: int, cap: int) -> list[SimRow]:
    """Gamma inputs, Weibull answers: no heavy tail."""
    shape, slope = dice.uniform(1.0, 4.0), dice.uniform(0.0, 0.7)
    inputs = [50 + dice.gammavariate(shape, 800 / shape) for _ in range(count)]
    hard, level = dice.uniform(1.0, 3.0), dice.uniform(0.15, 0.5) * cap
    return [_row(x, level * (x / 850) ** slope * dice.weibullvariate(1, hard), cap) for x in inputs]


def pareto(dice: random.Random, count: int, cap: int) -> list[SimRow]:
    """Heavy-tailed inputs and answers: a few rows are very long."""
    inputs = [200 * dice.paretovariate(dice.uniform(1.3, 2.2)) for _ in range(count)]
    slope, tail, level = dice.uniform(0.0, 0.6), dice.uniform(1.4, 2.5), dice.uniform(0.05, 0.2) * cap
    return [_row(x, level * (x / 400) ** slope * dice.paretovariate(tail), cap) for x in inputs]


def bimodal(dice: random.Random, count: int, cap: int) -> list[SimRow]:
    """Some rows answer in a word, the others at length; input says little about which."""
    share, long = dice.uniform(0.2, 0.8), dice.uniform(0.3, 0.7) * cap
    rows = []
    for _ in range(count):
        x = dice.lognormvariate(6.3, 0.6)
        short = dice.random() < share
        rows.append(_row(x, dice.lognormvariate(math.log(6 if short else long), 0.35), cap))
    return rows


def zipf_templates(dice: random.Random, count: int, cap: int) -> list[SimRow]:
    """A few prompt templates, Zipf in number, each with its own length of prompt and of answer; staging names them."""
    kinds = [
        (f"t{n}", dice.lognormvariate(6.5, 0.7), dice.uniform(0.03, 0.5) * cap, dice.uniform(0.1, 0.5))
        for n in range(dice.randint(3, 8))
    ]
    weights = [1 / (n + 1) for n in range(len(kinds))]
    rows = []
    for name, level, answer, noise in dice.choices(kinds, weights, k=count):
        x = level * dice.lognormvariate(0, 0.25)
        rows.append(_row(x, answer * dice.lognormvariate(0, noise), cap, name))
    return rows


def prompt_file(dice: random.Random, count: int, cap: int) -> list[SimRow]:
    """Input lengths of the prompt file that is shipped, drawn with replacement; answers follow them loosely."""
    lengths = prompt_lengths()
    return _follow(dice, dice.choices(lengths, k=count), dice.uniform(0.1, 0.8), dice.uniform(0.3, 0.7), cap)


def recorded(dice: random.Random, count: int, cap: int) -> list[SimRow]:
    """Lengths of a job of the real engine, in and out, as its last heartbeat counted them; stretched to the cap."""
    job = dice.choice(_recorded_jobs())
    stretch = cap / job.max_tokens
    cells = [cell for cell in job.beats[-1].lengths if cell.answered and cell.tokens]
    rows = []
    for cell in dice.choices(cells, [cell.answered for cell in cells], k=count):
        mean = cell.tokens / cell.answered
        spread = math.sqrt(math.log(max(1.0, cell.tokens_squared / cell.answered / mean**2)))
        answer = dice.lognormvariate(math.log(mean) - spread**2 / 2, spread)
        rows.append(_row(cell.mean_chars * dice.lognormvariate(0, _WITHIN_CELL), stretch * answer, cap))
    return rows


def classification(dice: random.Random, count: int, cap: int) -> list[SimRow]:
    """Labels of one to four tokens after long prompts; about one row in thirty explains itself, up to its limit."""
    longest, share, level = dice.randint(1, 4), dice.uniform(0.02, 0.05), dice.uniform(7.3, 9.0)
    spread = dice.uniform(0.2, 0.7)
    rows = []
    for _ in range(count):
        long = dice.random() < share
        answer = dice.uniform(0.2, 1.0) * cap if long else dice.randint(1, longest)
        rows.append(_row(dice.lognormvariate(level, spread), answer, cap))
    return rows


def verdicts(dice: random.Random, count: int, cap: int) -> list[SimRow]:
    """A fixed instruction before each text and a few labels, some frequent; rows that go on often reach the cap."""
    labels = [dice.randint(1, 4) for _ in range(dice.randint(2, 6))]
    weights = [0.6**n for n in range(len(labels))]
    share, long, to_cap = dice.uniform(0.015, 0.06), dice.uniform(0.2, 0.5) * cap, dice.uniform(0.3, 0.8)
    instruction, text = dice.uniform(500, 3000), dice.uniform(1000, 6000)
    rows = []
    for label in dice.choices(labels, weights, k=count):
        answer: float = label
        if dice.random() < share:
            answer = cap if dice.random() < to_cap else dice.lognormvariate(math.log(long), 0.4)
        rows.append(_row(instruction + text * dice.weibullvariate(1, 1.3), answer, cap))
    return rows


def reading(dice: random.Random, count: int, cap: int) -> list[SimRow]:
    """Texts to embed: no answer at all."""
    level, spread = dice.uniform(7.3, 9.3), dice.uniform(0.3, 1.0)
    return [_row(dice.lognormvariate(level, spread), 0, cap) for _ in range(count)]


def passages(dice: random.Random, count: int, cap: int) -> list[SimRow]:
    """Pairs to score: a short query with a passage, most of which fill their piece of a document."""
    piece, full = dice.uniform(1500, 12_000), dice.uniform(0.5, 0.9)
    rows = []
    for _ in range(count):
        length = piece if dice.random() < full else dice.uniform(0.05, 1.0) * piece
        rows.append(_row(dice.gammavariate(4, 25) + length * dice.lognormvariate(0, 0.05), 0, cap))
    return rows


@cache
def _recorded_jobs() -> list[RealTrace]:
    return load()


FAMILIES: dict[str, Family] = {
    "lognormal": lognormal,
    "gamma": gamma,
    "pareto": pareto,
    "bimodal": bimodal,
    "zipf": zipf_templates,
    "prompts": prompt_file,
    "recorded": recorded,
    "classification": classification,
    "verdicts": verdicts,
    "reading": reading,
    "passages": passages,
}
READING_ONLY = ("reading", "passages")
"""Families of jobs without output tokens: their cap is 0."""


def prompt_lengths() -> list[float]:
    """Characters of every prompt of the shipped file."""
    lengths = []
    for line in PROMPT_FILE.read_text(encoding="utf-8").splitlines():
        messages = json.loads(line)["body"]["messages"]
        lengths.append(float(sum(len(message["content"]) for message in messages)))
    return lengths


def ordered(dice: random.Random, rows: Sequence[SimRow], order: str) -> list[SimRow]:
    """Return the rows as the input file would hold them."""
    mixed = list(rows)
    dice.shuffle(mixed)
    if order == "shuffled":
        return mixed
    if order in {"sorted", "sorted_down"}:
        return sorted(mixed, key=lambda row: row.chars, reverse=order == "sorted_down")
    # Bursts: what was written together is alike; the pieces come in any order.
    piece = max(1, len(mixed) // dice.randint(5, 12))
    alike = sorted(mixed, key=lambda row: row.chars)
    pieces = [alike[n : n + piece] for n in range(0, len(alike), piece)]
    dice.shuffle(pieces)
    return [row for part in pieces for row in dice.sample(part, len(part))]


def _follow(dice: random.Random, inputs: Sequence[float], slope: float, noise: float, cap: int) -> list[SimRow]:
    middle = sorted(inputs)[len(inputs) // 2]
    level = dice.uniform(0.1, 0.4) * cap
    return [_row(x, level * (x / middle) ** slope * dice.lognormvariate(0, noise), cap) for x in inputs]


def _row(chars: float, tokens: float, cap: int, template: str = "") -> SimRow:
    return SimRow(template, max(10, int(chars)), min(cap, max(1, round(tokens))))
