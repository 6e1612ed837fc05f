"""Random jobs: how large, how fast, on how many replicas, and what happens to them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from eta_sim.engine import CHARS_PER_TOKEN, Speed
from eta_sim.workload import FAMILIES, ORDERS, READING_ONLY, SimRow, ordered

TROUBLES = tuple(each for kind in ("loss", "preemption", "gain", "slow_node") for each in ("none", "none", kind))
"""They take turns: one job in three is disturbed, at 10 to 70 % of its work."""

READ = (0.06, 0.5)
"""What reading a prompt token costs, in output tokens. On CPUs 0.15 to 0.4 were measured, providers bill a fifth to a
third, and engines of few rows, whose steps are slow, read cheaply."""

SHARD_ROWS = 64
DAY_TO_DAY = 0.05
"""Deviation of the logarithm of an engine's speed from job to job: neighbours, clocks, other kinds of prompt."""


@dataclass(frozen=True)
class Sizes:
    """How large jobs are: seconds of work, rows, and how often they have the rows that are decoded together.

    ``slots`` are the engines to choose from, ``heartbeat`` the seconds between two heartbeats.
    """

    seconds: tuple[float, float]
    rows: tuple[int, int]
    batches: tuple[float, float]
    slots: tuple[int, ...]
    heartbeat: float


LARGE = Sizes((300.0, 7200.0), (200, 12_000), (4, 100), (16, 32, 64, 128), 5.0)
SMALL = Sizes((20.0, 400.0), (30, 2000), (0.2, 2), (64, 128, 256), 2.0)


@dataclass(frozen=True)
class Event:
    """Something that happens to replica ``replica`` at ``at`` seconds of work: lost, slower by ``pace``, or new."""

    at: float
    kind: str
    replica: int = 0
    pace: float = 1.0


@dataclass(frozen=True)
class Engine:
    """What a deployment has a few of and runs many jobs on. ``step`` is a decoding step of ``slots`` rows in seconds.

    ``fixed`` is the part of a step that one row takes as well; ``read`` is a prompt token's work in output tokens.
    """

    name: str
    slots: int
    step: float
    fixed: float
    read: float
    load: float

    def speed(self, factor: float) -> Speed:
        """Return the speed of a day on which everything takes ``factor`` times as long."""
        step, row = self.step * factor, self.step * factor / self.slots
        return Speed(self.fixed * step, (1 - self.fixed) * row, self.read * row)


@dataclass(frozen=True)
class Scenario:
    """One job, fully determined. Times are in seconds; ``queued`` and ``cluster`` pass before replicas load.

    ``engine`` and ``task`` are what the history keeps apart.
    """

    name: str
    engine: str
    task: str
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
    heartbeat: float

    @property
    def batches(self) -> float:
        """How many times the rows that are decoded together the job has."""
        return len(self.rows) / (self.slots * self.replicas)


def fleet(seed: int, size: int, sizes: Sizes = LARGE) -> tuple[Engine, ...]:
    """Draw the engines of a deployment."""
    dice = random.Random(f"fleet-{seed}")
    return tuple(
        Engine(
            name=f"engine-{n}",
            slots=dice.choice(sizes.slots),
            step=math.exp(dice.uniform(math.log(0.1), math.log(1.0))),
            fixed=dice.uniform(0.2, 0.8),
            read=math.exp(dice.uniform(*(math.log(each) for each in READ))),
            load=dice.uniform(40, 180),
        )
        for n in range(size)
    )


def draw(seed: int, family: str, order: str, trouble: str, engine: Engine, sizes: Sizes = LARGE) -> Scenario:
    """Draw a job of these sizes."""
    dice = random.Random(f"{seed}-{family}-{order}-{trouble}-{engine.name}")
    task = "embed" if family in READING_ONLY else "generate"
    while True:
        cap = dice.choice((128, 256, 512, 1024)) if task == "generate" else 0
        replicas = dice.choice((1, 1, 2, 3, 4)) if trouble in {"none", "gain"} else dice.choice((2, 3, 4))
        batches = math.exp(dice.uniform(*(math.log(each) for each in sizes.batches)))
        count = int(min(sizes.rows[1], max(sizes.rows[0], engine.slots * replicas * batches)))
        rows = FAMILIES[family](dice, count, cap)
        units = sum(row.tokens + engine.read * row.chars / CHARS_PER_TOKEN for row in rows)
        work = units * engine.step / engine.slots / replicas
        if sizes.seconds[0] < work < sizes.seconds[1]:
            break
    return Scenario(
        name=f"{family}/{order}/{trouble}/{seed}",
        engine=f"{engine.name} {task}",
        task=task,
        family=family,
        order=order,
        trouble=trouble,
        rows=tuple(ordered(dice, rows, order)),
        max_tokens=cap,
        replicas=replicas,
        slots=engine.slots,
        window=int(1.5 * engine.slots),
        speed=engine.speed(dice.lognormvariate(0, DAY_TO_DAY)),
        queued=dice.expovariate(1 / 60),
        cluster=dice.uniform(5, 40),
        loads=tuple(engine.load * dice.lognormvariate(0, 0.2) for _ in range(replicas + 2)),
        events=_events(dice, trouble, replicas, work),
        shard_rows=min(SHARD_ROWS, max(8, count // (8 * replicas))),
        heartbeat=sizes.heartbeat,
    )


def scenarios(
    first_seed: int, rounds: int, families: tuple[str, ...], engines: tuple[Engine, ...], sizes: Sizes = LARGE
) -> list[Scenario]:
    """Return ``rounds`` jobs of every family and order; engines take turns, and so do troubles among large jobs."""
    jobs: list[Scenario] = []
    for n in range(rounds):
        for f, family in enumerate(families):
            for o, order in enumerate(ORDERS):
                trouble = TROUBLES[(n * 5 + f * 3 + o) % len(TROUBLES)] if sizes is LARGE else TROUBLES[0]
                engine = engines[((n + f) * len(ORDERS) + o) % len(engines)]
                jobs.append(draw(first_seed + n, family, order, trouble, engine, sizes))
    return jobs


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
