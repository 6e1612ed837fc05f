"""Heartbeats of one job, as the ETA model sees them."""

from __future__ import annotations

from llmbatch.core.eta.model import EtaModel
from llmbatch.core.eta.observation import Observation
from llmbatch.core.eta.priors import Priors
from llmbatch.core.length_cells import LengthCell
from llmbatch.core.progress import Flight
from llmbatch.core.states import Phase

SLOTS = 16


def cells(ended: int, running: int, rows: int = 400, kinds: int = 4) -> tuple[LengthCell, ...]:
    """A job whose rows answer 50 tokens in 10 s each, spread over cells of 300 to 2400 characters."""
    return tuple(
        LengthCell(
            bucket=16 + 2 * n, limit=256, rows=rows // kinds, chars=rows // kinds * 300 * 2**n, ended=ended // kinds,
            answered=ended // kinds, tokens=50 * (ended // kinds), tokens_squared=2600 * (ended // kinds),
            answered_seconds=10.0 * (ended // kinds), running=running // kinds,
            running_seconds=5.0 * (running // kinds), running_seconds_squared=30.0 * (running // kinds),
        )
        for n in range(kinds)
    )  # fmt: skip


def beat(
    at: float, ended: int, running: int = 16, phase: Phase = Phase.WORK, live: int = 1, **more: object
) -> Observation:
    given = {"generation": 1, "phase_seconds": at, "row_p95": 12.0} | more
    return Observation(at=at, phase=phase, cells=cells(ended, running), live=live, **given)


def fed(*beats: Observation, priors: Priors | None = None) -> EtaModel:
    model = EtaModel(SLOTS, priors)
    for each in beats:
        model.observe(each)
    return model


def steady(until: float, live: int = 1, begin: float = 0.0) -> list[Observation]:
    """Heartbeats every 5 s of a job that ends 8 rows of 400 in that time on each replica."""
    return [beat(begin + 5.0 * n, min(384, 8 * live * n), 16 * live, live=live) for n in range(int(until / 5) + 1)]


def begun(at: float, tokens: int | None = None, running: int = 16, **more: object) -> Observation:
    """No row has an answer; those in flight have run for 5 s each and have all their prompts read."""
    chars = sum(cell.running * cell.mean_chars for cell in cells(0, running))
    flight = None if tokens is None else Flight(tokens=tokens, chars=round(chars))
    return beat(at, 0, running, flight=flight, **({"generated": tokens, "row_p95": None} | more))
