"""The actor between replicas and driver: it receives counters and returns orders."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from llmbatch.cluster.exchange.latency_sketch import LatencySketch
from llmbatch.cluster.exchange.replica_report import Fatal, LostReplica, OpenWork, Orders, ReplicaReport, first_shards
from llmbatch.core.clock import Clock, SystemClock
from llmbatch.core.progress import EngineUse, Flight, ReplicaShare, StoreUse
from llmbatch.core.shards import ShardTally

REPLICA_SILENT_SECONDS = 20.0
"""A replica that has not reported for this long is not counted; replicas report every second."""


@dataclass(frozen=True)
class Snapshot:
    """Everything that a heartbeat needs, in one answer. Ages are in seconds.

    ``tallies`` are the committed shards that the driver did not have yet; ``known`` have been sent to it in all.
    ``behind`` live replicas have not applied the latest desired state yet. ``generated`` counts lost replicas too, so
    that it never falls, and so do ``engine`` (except ``kv_cache``) and ``store``; ``flight`` is of live ones, and None
    if one of them does not report it. ``peak_memory_mb`` is that of the replica that needed most, lost ones included.
    ``lost`` replicas have died, and ``redone`` rows had begun in them without a commit, as they last reported.
    ``running_shards`` have begun in live replicas, ``redone_shards`` had in lost ones; at most ``MOST_SHARDS`` each.
    """

    epoch: str = ""
    known: int = 0
    tallies: tuple[ShardTally, ...] = ()
    open: OpenWork = field(default_factory=OpenWork)
    open_shards: int = 0
    shares: tuple[ReplicaShare, ...] = ()
    generated: int | None = None
    flight: Flight | None = None
    live: int = 0
    behind: int = 0
    first_row_age: float | None = None
    latency: dict[int, int] = field(default_factory=dict)
    peak_memory_mb: int | None = None
    failed_example: str | None = None
    fatal: Fatal | None = None
    starts_without_ready: int = 0
    starts_without_commit: int = 0
    lost: int = 0
    redone: int = 0
    running_shards: tuple[str, ...] = ()
    redone_shards: tuple[str, ...] = ()
    engine: EngineUse | None = None
    store: StoreUse | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether every live replica has applied the latest desired state and no shard is open."""
        return self.behind == 0 and self.open_shards == 0

    @property
    def over(self) -> Snapshot:
        """The same after the end of all replicas, whatever they reported last."""
        engine = None if self.engine is None else self.engine.model_copy(update={"kv_cache": None})
        return replace(self, live=0, open=OpenWork(), running_shards=(), shares=(), flight=None, engine=engine)


class Scoreboard:
    """Folds reports. A shard counts once, however often it is reported; a lost replica's open rows no longer count.

    Two replicas with 40 and 10 open rows give 50; when the second falls silent, 40.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._epoch = uuid.uuid4().hex
        self._reports: dict[str, tuple[float, ReplicaReport]] = {}
        self._latest: dict[str, str] = {}
        self._last_ready: dict[str, ReplicaReport] = {}
        self._lost = self._redone = 0
        self._redone_shards: tuple[str, ...] = ()
        self._peak_memory_mb: int | None = None
        self._committed: dict[str, ShardTally] = {}
        self._first_row_at: float | None = None
        self._orders, self._ordered_at = Orders(), self._clock.monotonic()
        self._failed_example: str | None = None
        self._fatal: Fatal | None = None
        self._starts_without_ready = 0
        self._starts_without_commit = 0

    def announce(self, replica_id: str, actor_id: str) -> LostReplica | None:
        """Count a replica that begins to load its engine; many of these without a ready one end the job.

        Ray starts an actor again whose process has ended, and it keeps its id: the replica that was in it is lost.

        Returns:
            The lost replica, if rows were in its engine.
        """
        self._starts_without_ready += 1
        self._starts_without_commit += 1
        self._reports[replica_id] = (self._clock.monotonic(), ReplicaReport(replica_id))
        former = self._latest.get(actor_id)
        self._latest[actor_id] = replica_id
        _, last = self._reports.pop(former, (0.0, None)) if former is not None else (0.0, None)
        if last is not None:
            self._lost += 1
            self._redone += last.open.begun
            self._redone_shards = first_shards((*self._redone_shards, *last.begun))
        return LostReplica(last.replica_id, last.inside) if last is not None and last.inside else None

    def report(self, report: ReplicaReport) -> Orders:
        """Take a replica's report and return the orders."""
        now = self._clock.monotonic()
        self._reports[report.replica_id] = (now, report)
        if report.peak_memory_mb is not None:
            self._peak_memory_mb = max(report.peak_memory_mb, self._peak_memory_mb or 0)
        for tally in report.committed:
            if tally.shard_id not in self._committed:
                self._committed[tally.shard_id] = tally
                self._starts_without_commit = 0
        if report.first_row_age is not None:
            at = now - report.first_row_age
            self._first_row_at = at if self._first_row_at is None else min(self._first_row_at, at)
        if report.ready:
            self._last_ready[report.replica_id] = report
            self._starts_without_ready = 0
        self._failed_example = self._failed_example or report.failed_example
        self._fatal = self._fatal or report.fatal
        return self._orders_now()

    def forget_replicas(self) -> None:
        """Remove all replicas, because they were ended; what they committed and how fast they were stays."""
        self._reports.clear()
        self._fatal = None
        self._starts_without_ready = self._starts_without_commit = 0

    def beat(self, orders: Orders, epoch: str = "", known: int = 0) -> Snapshot:
        """Set the orders that replicas receive from now on, and return the fold.

        Args:
            orders: what all replicas must do.
            epoch: the epoch of the driver's last call; another one means that this scoreboard was restarted.
            known: committed shards that were sent to the driver in that epoch.
        """
        now = self._clock.monotonic()
        self._orders, self._ordered_at = orders, now
        ever = self._last_ready.values()
        live = [r for at, r in self._reports.values() if r.ready and now - at <= REPLICA_SILENT_SECONDS]
        return Snapshot(
            epoch=self._epoch,
            known=len(self._committed),
            tallies=tuple(self._committed.values())[known if epoch == self._epoch else 0 :],
            open=OpenWork.total([report.open for report in live]),
            open_shards=sum(report.open_shards for report in live),
            shares=tuple(report.share for report in live if report.share is not None),
            generated=_total(report.generated for report in ever),
            flight=_flight(live),
            live=len(live),
            behind=sum(report.applied is not orders.desired for report in live),
            first_row_age=None if self._first_row_at is None else now - self._first_row_at,
            latency=LatencySketch.merged(report.latency for report in ever).counts,
            peak_memory_mb=self._peak_memory_mb,
            failed_example=self._failed_example,
            fatal=self._fatal,
            starts_without_ready=self._starts_without_ready,
            starts_without_commit=self._starts_without_commit,
            lost=self._lost,
            redone=self._redone,
            running_shards=first_shards(shard for report in live for shard in report.begun),
            redone_shards=self._redone_shards,
            engine=_engine_use(ever, live),
            store=StoreUse.total(report.store for report in ever),
        )

    def _orders_now(self) -> Orders:
        """Return the orders, with the seconds that are left now."""
        left = self._orders.expires_in
        if left is None:
            return self._orders
        return replace(self._orders, expires_in=left - (self._clock.monotonic() - self._ordered_at))


def _total(counts: Iterable[int | None]) -> int | None:
    """Return the sum of the counts that are reported; None if there are none."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _engine_use(ever: Iterable[ReplicaReport], live: Iterable[ReplicaReport]) -> EngineUse | None:
    """Return the sums over all replicas so far, and the KV cache of the fullest live one."""
    uses = [report.engine for report in ever if report.engine is not None]
    if not uses:
        return None
    full = [report.engine.kv_cache for report in live if report.engine is not None]
    return EngineUse(
        kv_cache=max((part for part in full if part is not None), default=None),
        preemptions=sum(use.preemptions for use in uses),
        prefix_queries=sum(use.prefix_queries for use in uses),
        prefix_hits=sum(use.prefix_hits for use in uses),
    )


def _flight(live: list[ReplicaReport]) -> Flight | None:
    """Return the sum over live replicas: all of them, for it is held against the seconds of all running rows."""
    flights = [report.flight for report in live if report.flight is not None]
    if not flights or len(flights) < len(live):
        return None
    return Flight(tokens=sum(each.tokens for each in flights), chars=sum(each.chars for each in flights))
