"""Jobs of different shape for the bundled model: how many rows, how long their answers, in which order."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROMPTS = Path("examples/prompts/python_docs.jsonl")
_SOON = [" ", ".", "e", "a"]
"""Texts that an answer holds within one to four tokens."""

Dice = random.Random
Limit = Callable[[Dice], int]


def always(tokens: int) -> Limit:
    """Every answer may have so many tokens; most of this model's answers use them all."""
    return lambda _: tokens


def between(low: int, high: int) -> Limit:
    """Any number of tokens in between."""
    return lambda dice: dice.randint(low, high)


def mixed(short: int, long: int, share_long: float) -> Limit:
    """Mostly short answers and a share of long ones."""
    return lambda dice: long if dice.random() < share_long else short


@dataclass(frozen=True)
class Shape:
    """One job.

    ``most`` is the job's own limit of tokens; ``order`` is ``shuffled``, ``sorted`` (short prompts first) or
    ``bursty`` (long answers together).
    """

    name: str
    rows: int
    limit: Limit
    most: int
    order: str = "shuffled"
    batch_size: int = 8
    """Rows decoded together: few, so that a short job has many batches."""
    repeats: bool = False
    """Whether prompts come again, word for word; else each is its own, so that no cache answers for it."""
    whole_answers: bool = False
    """Whether rows go on to their limit; else the model stops where it likes."""
    killed: bool = False
    """Whether the driver is killed in the middle."""
    labels: int = 0
    """One row in so many goes on to its limit, the others stop after a few tokens; 0: the model stops where it likes.

    All have the same limit, so that nothing shows which rows are long.
    """
    texts: int = 1
    """Prompts of the source in one prompt."""

    @property
    def template(self) -> str:
        """What jobs with the same kind of answers share."""
        return self.name.rsplit("-", 1)[0]

    def text(self) -> str:
        """Return the input as OpenAI batch lines, the same at every call."""
        dice = Dice(self.name)
        source = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
        rows: list[dict[str, Any]] = []
        for n in range(self.rows):
            messages = dice.choice(source)["body"]["messages"]
            tokens = self.limit(dice)
            more = [dice.choice(source)["body"]["messages"][-1]["content"] for _ in range(self.texts - 1)]
            if not self.repeats:
                messages = [{**messages[0], "content": f"No. {n}. {messages[0]['content']}"}, *messages[1:]]
            if more:
                messages = [*messages[:-1], {**messages[-1], "content": " ".join([messages[-1]["content"], *more])}]
            body = {"messages": messages, "max_tokens": tokens, "temperature": 0}
            if self.whole_answers or (self.labels and dice.randrange(self.labels) == 0):
                body["ignore_eos"] = True
            elif self.labels:
                body["stop"] = _SOON
            rows.append({"custom_id": f"{n}", "method": "POST", "url": "/v1/chat/completions", "body": body})
        if self.order == "sorted":
            rows.sort(key=lambda row: len(json.dumps(row["body"]["messages"])))
        elif self.order == "bursty":
            rows.sort(key=lambda row: (int(row["custom_id"]) // (self.rows // 4), row["body"]["max_tokens"]))
        return "\n".join(json.dumps(row) for row in rows) + "\n"


SHAPES = (
    Shape("natural-1", 180, always(256), 256),
    Shape("natural-2", 180, always(256), 256, order="sorted"),
    Shape("docs-1", 220, always(64), 64),
    Shape("docs-2", 220, always(64), 64, order="sorted"),
    Shape("docs-3", 500, always(32), 32, repeats=True),
    Shape("uniform-1", 220, between(8, 128), 128, whole_answers=True),
    Shape("uniform-2", 220, between(8, 128), 128, order="sorted", whole_answers=True),
    Shape("mixed-1", 260, mixed(16, 160, 0.15), 160, whole_answers=True),
    Shape("mixed-2", 260, mixed(16, 160, 0.15), 160, order="sorted", batch_size=4, whole_answers=True),
    Shape("mixed-3", 260, mixed(16, 160, 0.15), 160, order="bursty", whole_answers=True),
    Shape("long-1", 340, between(100, 256), 256, batch_size=16, whole_answers=True),
    Shape("long-2", 340, between(100, 256), 256, order="sorted", batch_size=16, whole_answers=True),
    Shape("short-1", 2200, always(8), 8, batch_size=32),
    Shape("short-2", 2200, always(8), 8, order="sorted", batch_size=64),
    Shape("killed-1", 1100, always(64), 64, batch_size=32, killed=True),
    Shape("labels-1", 700, always(96), 96, batch_size=16, labels=30, texts=4),
    Shape("labels-2", 700, always(96), 96, order="sorted", batch_size=16, labels=30, texts=4),
    Shape("labels-3", 1500, always(64), 64, batch_size=32, labels=20),
    Shape("labels-4", 1500, always(64), 64, order="sorted", batch_size=32, labels=20),
    Shape("labels-5", 900, always(48), 48, batch_size=16, labels=25, texts=2),
    Shape("labels-6", 900, always(48), 48, order="sorted", batch_size=16, labels=25, texts=2),
)
"""Those of labels and the five before them were recorded on a CPU with bfloat16, which is several times faster, the
others on one without.

Only heartbeats of those of labels count what rows in flight have done. Those of the five before them count rows as
if each might have the job's longest answer.
"""
