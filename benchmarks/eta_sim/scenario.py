"""Random jobs: how large, how fast, on how many replicas, and what happens to them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from eta_sim.engine import CHARS_PER_TOKEN, Speed
from eta_sim.workload import FAMILIES, ORDERS, SimRow, ordered

TROUBLES = ("none", "none", "none", "loss", "preemption", "gain", "slow_node")
SHARD_ROWS = 64


@dataclass(frozen=True)
class Event:
    """Something that happens to replica ``replica`` at ``at`` seconds of work: lost, slower by ``pace``, or new."""

    at: float
    kind: str
    replica: int = 0
    pace: float = 1.0


@dataclass(frozen=True)
class Scenario:
    """One job, fully determined. Times are in seconds; ``queued`` and ``cluster`` pass before replicas load."""

    name: str
    family: str
    order: str
    trouble: str
    rows: tuple[SimRow, ...]
    max_tokens: int
    replicas: int
    slots: int
    window: int
    speed: Speed
    queued: float
    cluster: float
    loads: tuple[float, ...]
    events: tuple[Event, ...]
    shard_rows: int


def draw(seed: int, family: str, order: str, trouble: str) -> Scenario:
    """Draw a job. It takes 5 to 120 minutes of work and its replicas see 2 to 40 times the rows that they decode."""
    dice = random.Random(f"{seed}-{family}-{order}-{trouble}")
    cap = dice.choice((128, 256, 512, 1024))
    replicas = dice.choice((1, 1, 2, 3, 4)) if trouble in {"none", "gain"} else dice.choice((2, 3, 4))
    slots = dice.choice((16, 32, 64, 128))
    count = int(min(6000, max(200, slots * replicas * math.exp(dice.uniform(math.log(2), math.log(40))))))
    rows = ordered(dice, FAMILIES[family](dice, count, cap), order)
    work = math.exp(dice.uniform(math.log(300), math.log(7200)))
    speed = _speed(dice, rows, slots, replicas, work)
    loads = tuple(dice.uniform(40, 180) * dice.uniform(0.9, 1.1) for _ in range(replicas + 2))
    return Scenario(
        name=f"{family}/{order}/{trouble}/{seed}",
        family=family,
        order=order,
        trouble=trouble,
        rows=tuple(rows),
        max_tokens=cap,
        replicas=replicas,
        slots=slots,
        window=int(1.5 * slots),
        speed=speed,
        queued=dice.expovariate(1 / 60),
        cluster=dice.uniform(5, 40),
        loads=loads,
        events=_events(dice, trouble, replicas, work),
        shard_rows=min(SHARD_ROWS, max(8, count // (8 * replicas))),
    )


def scenarios(first_seed: int, rounds: int, families: tuple[str, ...]) -> list[Scenario]:
    """Return ``rounds`` jobs of every family and order; troubles take turns."""
    jobs = []
    for n in range(rounds):
        for f, family in enumerate(families):
            for o, order in enumerate(ORDERS):
                trouble = TROUBLES[(n * 5 + f * 3 + o) % len(TROUBLES)]
                jobs.append(draw(first_seed + n, family, order, trouble))
    return jobs


def _speed(dice: random.Random, rows: list[SimRow], slots: int, replicas: int, work: float) -> Speed:
    """Scale a random engine so that the undisturbed job takes about ``work`` seconds."""
    fixed, read = dice.uniform(0.2, 0.8), dice.uniform(0.02, 0.25)
    tokens = sum(row.tokens for row in rows)
    prompt = sum(row.chars for row in rows) / CHARS_PER_TOKEN
    step, step_row = fixed, (1 - fixed) / slots
    each = 1 / slots
    whole = (tokens * each + prompt * read * each) / replicas
    scale = work / whole
    return Speed(step * scale, step_row * scale, read * each * scale)


def _events(dice: random.Random, trouble: str, replicas: int, work: float) -> tuple[Event, ...]:
    at, victim = dice.uniform(0.1, 0.7) * work, dice.randrange(replicas)
    if trouble == "loss":
        return (Event(at, "lose", victim),)
    if trouble == "preemption":
        return (Event(at, "lose", victim), Event(at + 25, "join"))
    if trouble == "gain":
        return (Event(at, "join"),)
    if trouble == "slow_node":
        return (Event(at, "slow", victim, dice.uniform(0.3, 0.7)),)
    return ()
