"""What the driver knows about its job, folded into heartbeats. Uses no store and no Ray."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from llmbatch.cluster.driver.job_cells import JobCells
from llmbatch.cluster.driver.recent_rate import RecentRate
from llmbatch.cluster.exchange.latency_sketch import LatencySketch
from llmbatch.cluster.exchange.replica_report import first_shards
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.core.clock import Clock
from llmbatch.core.progress import (
    Latency,
    Progress,
    Rates,
    Replicas,
    RowCounts,
    ShardCounts,
    StoreUse,
    TokenCounts,
)
from llmbatch.core.shards import ShardTally, StagedManifest
from llmbatch.core.states import ErrorClass, ExitReason, Phase

_SUMMED = ("succeeded", "failed", "expired", "cancelled", "prompt_tokens", "completion_tokens", "cached_tokens")

MOST_SHARES = 64
"""With more replicas a heartbeat does not list what each of them holds: it is read often, and must stay small."""


class JobState:
    """Counts, phases and rates of one generation of a job. Safe to use from several threads.

    Sums are kept as shards arrive, because they are read several times a second and a job may have 100,000 shards.
    ``queued_seconds`` passed from the job's acceptance to its start; None if something else came between.
    ``driver_store`` returns the requests of this process to the store, if they are counted.
    """

    def __init__(
        self,
        staged: StagedManifest,
        *,
        generation: int,
        replicas_wanted: int,
        clock: Clock,
        queued_seconds: float | None = None,
        driver_store: Callable[[], StoreUse | None] = lambda: None,
    ) -> None:
        self._staged = {shard.shard_id: shard for shard in staged.shards}
        self.job_id, self._generation, self._clock = staged.job_id, generation, clock
        self.replicas_wanted, self._driver_store = replicas_wanted, driver_store
        self._lock = threading.RLock()
        self._tallied: set[str] = set()
        self._former: set[str] = set()
        self._all: Counter[str] = Counter()
        self._own: Counter[str] = Counter()
        self._unread: Counter[str] = Counter()
        self._errors: Counter[ErrorClass] = Counter()
        self._ended_boards: Counter[str] = Counter()
        self._redone_before: tuple[str, ...] = ()
        self._total_rows = sum(shard.rows for shard in staged.shards)
        self._cells = JobCells(staged.shards)
        self._digest = 0
        self._snapshot = Snapshot()
        self._recent = RecentRate()
        self._started_at: datetime = clock.now()
        self._phase = Phase.CLUSTER
        self._phase_since = clock.monotonic()
        self._seconds = {} if queued_seconds is None else {Phase.QUEUED.value: queued_seconds}
        self._message = ""
        self._exit: ExitReason | None = None
        self.model_digest: str | None = None
        self.paused = False

    @property
    def snapshot(self) -> Snapshot:
        """The replicas' last fold."""
        return self._snapshot

    def add_former(self, shard_ids: Iterable[str]) -> None:
        """Note shards of former generations. Until their tallies are read, their readable rows count as answered."""
        with self._lock:
            for shard_id in shard_ids:
                shard = self._staged.get(shard_id)
                if shard is None or shard_id in self._former:
                    continue
                self._former.add(shard_id)
                self._digest ^= _hash(shard_id)
                self._cells.leave(shard)
                self._unread.update(rows=shard.rows, invalid=shard.invalid_rows)

    def add_tallies(self, tallies: Iterable[ShardTally]) -> None:
        """Note the counters of committed shards. A shard counts once."""
        with self._lock:
            for tally in tallies:
                shard = self._staged.get(tally.shard_id)
                if shard is None or tally.shard_id in self._tallied:
                    continue
                self._tallied.add(tally.shard_id)
                counts = {name: getattr(tally, name) for name in _SUMMED}
                self._all.update(counts)
                self._errors.update(tally.errors)
                if tally.shard_id in self._former:
                    self._unread.subtract({"rows": shard.rows, "invalid": shard.invalid_rows})
                else:
                    self._own.update(counts)
                    self._cells.commit(shard, tally)
                    self._digest ^= _hash(tally.shard_id)

    def uncounted(self, committed: Iterable[str]) -> list[str]:
        """Return the committed shards of this generation that are not counted yet."""
        with self._lock:
            counted = self._tallied | self._former
            return [shard_id for shard_id in committed if shard_id not in counted]

    def take(self, snapshot: Snapshot) -> None:
        """Take the replicas' fold, and enter ``work`` and ``tail`` when it shows that they have begun."""
        with self._lock:
            if snapshot.epoch != self._snapshot.epoch:  # the scoreboard was restarted, and counts from 0
                self._ended_boards.update(lost=self._snapshot.lost, redone=self._snapshot.redone)
                self._redone_before = first_shards((*self._redone_before, *self._snapshot.redone_shards))
            self._snapshot = snapshot
            self.add_tallies(snapshot.tallies)
            if snapshot.generated is not None and snapshot.first_row_age is not None:
                self._recent.note(self._clock.monotonic(), snapshot.generated)
            if self._phase in {Phase.CLUSTER, Phase.MODEL_LOAD} and snapshot.first_row_age is not None:
                self.enter(Phase.WORK, ago=snapshot.first_row_age)
            rows = self.rows()
            if self._phase is Phase.WORK and rows.ended and rows.ended + rows.running >= rows.total:
                self.enter(Phase.TAIL)

    def enter(self, phase: Phase, ago: float = 0.0) -> None:
        """Begin a phase, ``ago`` seconds before now but not before the last one began; phases never go back."""
        order = list(Phase)
        with self._lock:
            if order.index(phase) <= order.index(self._phase):
                return
            now = max(self._phase_since, self._clock.monotonic() - ago)
            self._seconds[self._phase.value] = self._seconds.get(self._phase.value, 0.0) + now - self._phase_since
            self._phase, self._phase_since = phase, now

    def end(self, reason: ExitReason, message: str) -> None:
        """Enter the terminal phase of an exit reason."""
        phases = {
            ExitReason.COMMITTED: Phase.DONE,
            ExitReason.DRAINED: Phase.DRAINED,
            ExitReason.INTERRUPTED: Phase.DRAINED,
            ExitReason.CANCELLED: Phase.CANCELLED,
        }
        with self._lock:
            self.enter(phases.get(reason, Phase.FAILED))
            self._exit, self._message = reason, message

    def show(self, message: str) -> None:
        """Show this message in heartbeats from now on; an empty one shows none."""
        self._message = message

    def rows(self) -> RowCounts:
        """Return rows by state, never more than there are.

        A shard that was committed since the replicas' last report is in its tally and in that report; the surplus is
        taken from the rows that the report calls succeeded, and is gone with the next one, a second later.
        """
        with self._lock:
            done, unread, open_ = self._all, self._unread, self._now.open
            failed = done["failed"] + unread["invalid"] + open_.failed
            expired = done["expired"] + open_.expired
            cancelled = done["cancelled"] + open_.cancelled
            other = failed + expired + cancelled
            succeeded = done["succeeded"] + unread["rows"] - unread["invalid"] + open_.succeeded
            succeeded = min(succeeded, self._total_rows - other)
            return RowCounts(
                total=self._total_rows,
                succeeded=succeeded,
                failed=failed,
                expired=expired,
                cancelled=cancelled,
                running=min(open_.running, self._total_rows - succeeded - other),
            )

    def progress(self, sequence: int) -> Progress:
        """Return the heartbeat for now."""
        with self._lock:
            return self._progress(sequence)

    def _progress(self, sequence: int) -> Progress:
        now, done, own = self._now, self._all, self._own
        open_, work_seconds = now.open, now.first_row_age
        ended = own["succeeded"] + own["failed"] + open_.succeeded + open_.failed
        written = own["completion_tokens"] + open_.completion_tokens
        latency = LatencySketch(now.latency)
        recent = self._recent.at(self._clock.monotonic()) if self._exit is None else None
        seconds = dict(self._seconds)
        if not self._phase.is_terminal:
            since = self._clock.monotonic() - self._phase_since
            seconds[self._phase.value] = seconds.get(self._phase.value, 0.0) + since
        return Progress(
            job_id=self.job_id,
            generation=self._generation,
            sequence=sequence,
            phase=self._phase,
            written_at=self._clock.now(),
            started_at=self._started_at,
            rows=self.rows(),
            shards=ShardCounts(total=len(self._staged), committed=len(self._former | self._tallied)),
            tokens=TokenCounts(
                prompt=done["prompt_tokens"] + open_.prompt_tokens,
                completion=done["completion_tokens"] + open_.completion_tokens,
                cached=done["cached_tokens"] + open_.cached_tokens,
                generated=now.generated,
            ),
            rates=Rates(
                rows_per_second=ended / work_seconds if work_seconds else None,
                output_tokens_per_second=written / work_seconds if work_seconds else None,
                recent_output_tokens_per_second=None if recent is None else round(recent, 3),
            ),
            latency=Latency(p50=latency.quantile(0.5), p95=latency.quantile(0.95)),
            peak_memory_mb=now.peak_memory_mb,
            replicas=Replicas(live=now.live, wanted=self.replicas_wanted, lost=self._ended_boards["lost"] + now.lost),
            rows_redone=self._ended_boards["redone"] + now.redone,
            running_shards=now.running_shards,
            redone_shards=first_shards((*self._redone_before, *now.redone_shards)),
            dead_letters=self._errors + Counter({ErrorClass.INVALID: self._unread["invalid"]}) + open_.errors,
            engine=now.engine,
            store=StoreUse.total([self._driver_store(), now.store]),
            shares=now.shares if len(now.shares) <= MOST_SHARES else (),
            flight=now.flight,
            lengths=self._cells.cells(open_.lengths),
            seconds_phase={name: round(value, 3) for name, value in seconds.items()},
            model_digest=self.model_digest,
            paused=self.paused and self._exit is None,
            shards_digest=f"{self._digest:016x}",
            message=self._message,
            exit_code=None if self._exit is None else int(self._exit),
        )

    @property
    def _now(self) -> Snapshot:
        return self._snapshot if self._exit is None else self._snapshot.over


def _hash(shard_id: str) -> int:
    """Hash one id; the digest of a set is the exclusive or of its ids, whatever their order."""
    return int.from_bytes(hashlib.sha256(shard_id.encode()).digest()[:8], "big")
