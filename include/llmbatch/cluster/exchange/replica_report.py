"""What a replica reports to the scoreboard, and the orders that it gets in return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from itertools import islice

from llmbatch.cluster.exchange.length_work import Lengths, merged
from llmbatch.core.progress import EngineUse, Flight, ReplicaShare, StoreUse
from llmbatch.core.shards import ShardTally
from llmbatch.core.states import DesiredState, ErrorClass, ExitReason

MOST_SHARDS = 64
"""Shards that a report and a heartbeat name: both are sent often, and must stay small."""


def first_shards(shards: Iterable[str]) -> tuple[str, ...]:
    """Return the first ``MOST_SHARDS`` of these ids, each once."""
    return tuple(islice(dict.fromkeys(shards), MOST_SHARDS))


@dataclass
class OpenWork:
    """Rows of shards that are not committed yet: they count while their replica lives, and are redone if it dies.

    A replica counts each open shard in one of these, on one event loop; reports and snapshots carry sums of them.
    """

    running: int = 0
    succeeded: int = 0
    failed: int = 0
    expired: int = 0
    cancelled: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    errors: Counter[ErrorClass] = field(default_factory=Counter)
    """The failed rows by error class."""
    lengths: Lengths = field(default_factory=dict)
    """Rows that reach an engine, by input length; which of them run is known per replica, not per shard."""

    @property
    def begun(self) -> int:
        """Rows that run again if the replica dies now: those in its engine, and those that have left it."""
        return self.running + sum(work.ended for work in self.lengths.values()) - self.expired - self.cancelled

    @classmethod
    def total(cls, parts: Iterable[OpenWork]) -> OpenWork:
        """Return the sum of all parts, a new object."""
        listed = list(parts)
        counts = {name: sum(getattr(part, name) for part in listed) for name in _COUNTS}
        errors = sum((part.errors for part in listed), Counter[ErrorClass]())
        return cls(**counts, errors=errors, lengths=merged(part.lengths for part in listed))


_COUNTS = tuple(each.name for each in fields(OpenWork) if each.name not in {"errors", "lengths"})


@dataclass(frozen=True)
class Fatal:
    """Why a replica cannot continue, and how the job should end because of it."""

    exit_reason: ExitReason
    message: str


@dataclass(frozen=True)
class ReplicaReport:
    """State of one replica now. Replaces the report before it; only ``committed`` adds.

    ``applied`` is the desired state that it has applied. ``first_row_age`` is in seconds before the report, so that
    no two machines' clocks are compared. ``generated`` are the output tokens of all rows so far, answered or not;
    ``flight`` is what the rows without an answer have of them. Both are None if the engine does not report tokens.
    ``peak_memory_mb`` is that of the replica's processes, see ``PeakMemory``; None: the system does not show it.
    ``inside`` are the ids of the rows that are in the engine, or will be before the next report. ``begun`` are the ids
    of the open shards of which a row has been, at most ``MOST_SHARDS``. ``engine`` and ``store`` are since the
    replica's start; None: not reported.
    """

    replica_id: str
    ready: bool = False
    applied: DesiredState = DesiredState.RUN
    open: OpenWork = field(default_factory=OpenWork)
    open_shards: int = 0
    share: ReplicaShare | None = None
    generated: int | None = None
    flight: Flight | None = None
    committed: tuple[ShardTally, ...] = ()
    first_row_age: float | None = None
    latency: dict[int, int] = field(default_factory=dict)
    failed_example: str | None = None
    fatal: Fatal | None = None
    peak_memory_mb: int | None = None
    inside: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()
    engine: EngineUse | None = None
    store: StoreUse | None = None


@dataclass(frozen=True)
class LostReplica:
    """A replica whose process ended while these rows, named by their ids, were in its engine."""

    replica_id: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Orders:
    """What a replica must do.

    Attributes:
        max_tokens: bounds the answers of rows that begin from now on; None: no change.
        expires_in: seconds from now until no row may begin, by the driver's clock; None: rows do not expire, or the
            driver has not reported it yet. A time of day would be compared with the clock of the replica's node.
        cancels: whether rows that have not begun end as cancelled, and those in the engine within a grace time.
    """

    desired: DesiredState = DesiredState.RUN
    max_tokens: int | None = None
    expires_in: float | None = None
    cancels: bool = False
