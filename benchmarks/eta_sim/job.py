"""Runs a scenario and writes the heartbeats that the real driver would write."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from eta_sim.cell import SimCell
from eta_sim.engine import SimReplica
from eta_sim.scenario import Scenario
from llmbatch.core.length_cells import bucket_of
from llmbatch.core.progress import Flight, Latency, Progress, Replicas, RowCounts, ShardCounts, TokenCounts
from llmbatch.core.shard_order import running_order
from llmbatch.core.shards import StagedShard
from llmbatch.core.states import Phase

SILENT_SECONDS = 20.0
COMMIT_SECONDS = 0.5
EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
_GROWTH = 1.1


@dataclass(frozen=True)
class Trace:
    """A job's heartbeats, and when it ended. Seconds count from submission; ``beats`` carry stamps."""

    scenario: Scenario
    beats: tuple[Progress, ...]
    finished_at: float

    def at(self, beat: Progress) -> float:
        """Seconds from submission to a heartbeat."""
        return (beat.written_at - EPOCH).total_seconds()


class SimJob:
    """One generation of a job on simulated replicas."""

    def __init__(self, scenario: Scenario) -> None:
        self._s = scenario
        self._cells: dict[tuple[str, int], SimCell] = {}
        self._cell_of: list[SimCell] = []
        for row in scenario.rows:
            cell = self._cells.setdefault((row.template, bucket_of(row.chars)), SimCell())
            cell.rows += 1
            cell.chars += row.chars
            self._cell_of.append(cell)
        size = scenario.shard_rows
        self._shards = {
            n // size: range(n, min(n + size, len(scenario.rows))) for n in range(0, len(scenario.rows), size)
        }
        self._queue = deque(self._in_running_order())
        self._committed = self._written = 0
        self._started: dict[int, float] = {}
        self._took: dict[int, float] = {}
        self._latency: Counter[int] = Counter()
        begin = scenario.queued + scenario.cluster
        self._replicas = [self._replica(begin + load) for load in scenario.loads[: scenario.replicas]]
        self._first_row: float | None = None
        self._now = 0.0
        self._events = deque(sorted(scenario.events, key=lambda event: event.at))

    def _in_running_order(self) -> list[int]:
        """Return the numbers of the shards as the pipeline would start them."""
        shards = [
            StagedShard(
                shard_id=f"{number}",
                rows=len(rows),
                invalid_rows=0,
                input_chars=sum(self._s.rows[row].chars for row in rows),
                etag="",
            )
            for number, rows in self._shards.items()
        ]
        return [int(shard.shard_id) for shard in running_order(shards)]

    def run(self) -> Trace:
        """Return the whole trace."""
        beats: list[Progress] = []
        now = self._s.queued
        last_end = 0.0
        while True:
            beats.append(self._beat(len(beats) + 1, now))
            if self._committed == len(self._shards):
                return Trace(self._s, tuple(beats), last_end + COMMIT_SECONDS)
            now += self._s.heartbeat
            self._now = now
            self._happen(now)
            last_end = max([last_end, *(self._work(replica, now) for replica in list(self._replicas))])

    def _replica(self, ready_at: float) -> SimReplica:
        return SimReplica(self._s.speed, self._s.slots, self._s.window, ready_at)

    def _happen(self, now: float) -> None:
        """Let events come that are due, and notice replicas that have been silent for long enough.

        The rows of a silent one do not age, as its last report stands.
        """
        for number in (each for r in self._replicas if r.lost_at is not None for each in r.decoding):
            self._shift(number, self._s.heartbeat)
        while self._events and self._first_row is not None and self._first_row + self._events[0].at <= now:
            event = self._events.popleft()
            if event.kind == "join":
                self._replicas.append(self._replica(now + self._s.loads[-1]))
            elif event.kind == "slow":
                self._replicas[event.replica].pace = event.pace
            elif self._replicas[event.replica].lost_at is None:
                self._replicas[event.replica].lost_at = now
        for replica in [r for r in self._replicas if r.lost_at is not None and now - r.lost_at >= SILENT_SECONDS]:
            self._replicas.remove(replica)
            self._written += replica.flight.tokens
            for shard in replica.shards:
                for number in self._shards[shard]:
                    self._undo(number)
            self._queue.extendleft(reversed(list(replica.shards)))

    def _work(self, replica: SimReplica, until: float) -> float:
        """Run one replica; return when its last row ended."""
        last = 0.0
        self._supply()
        while replica.now < until and (replica.lost_at is None or replica.now < replica.lost_at):
            replica.fill(self._begin)
            ended = replica.advance(until)
            if ended is None:
                break
            last, shard, number = ended
            replica.note(self._s.rows[number], last - self._started[number])
            self._end(number, last)
            if replica.shards[shard] == 0:
                del replica.shards[shard]
                self._committed += 1
                self._supply()
        return last

    def _supply(self) -> None:
        """Give shards as Ray Data does: to the ready replica that has the fewest, up to a bound.

        The bound is twice what the window holds and two more, which is what the default settings come to: 12 + 2
        shards of 64 rows for a window of 384.
        """
        bound = math.ceil(2 * self._s.window / self._s.shard_rows) + 2
        ready = [r for r in self._replicas if r.ready_at <= self._now and r.lost_at is None]
        while self._queue and ready:
            replica = min(ready, key=lambda each: len(each.shards))
            if len(replica.shards) >= bound:
                return
            shard = self._queue.popleft()
            replica.give(shard, [(number, self._s.rows[number]) for number in self._shards[shard]])

    def _begin(self, number: int, at: float) -> None:
        if self._first_row is None:
            self._first_row = at
        self._started[number] = at
        cell = self._cell_of[number]
        cell.begin(at)

    def _end(self, number: int, at: float) -> None:
        cell, tokens, start = self._cell_of[number], self._s.rows[number].tokens, self._started.pop(number)
        self._written += tokens
        cell.leave(start)
        self._took[number] = at - start
        cell.count(tokens, at - start, 1)
        self._latency[int(math.log(max(at - start, 1e-3), _GROWTH))] += 1

    def _shift(self, number: int, seconds: float) -> None:
        """Let a row in flight have begun later."""
        cell, start = self._cell_of[number], self._started[number]
        cell.leave(start)
        self._started[number] = start + seconds
        cell.begin(start + seconds)

    def _undo(self, number: int) -> None:
        """Take back what a lost replica had done of a shard that it did not commit."""
        cell = self._cell_of[number]
        if number in self._started:
            cell.leave(self._started.pop(number))
        elif number in self._took:
            cell.count(self._s.rows[number].tokens, self._took.pop(number), -1)

    def _beat(self, sequence: int, now: float) -> Progress:
        cells = [cell.frozen(key, self._s.max_tokens, now) for key, cell in self._cells.items()]
        ended, running = sum(c.ended for c in cells), sum(c.running for c in cells)
        live = sum(replica.ready_at <= now for replica in self._replicas)
        phase, since = self._phase(now, ended, running)
        flights = [replica.flight for replica in self._replicas]
        flight = Flight(tokens=sum(each.tokens for each in flights), chars=sum(each.chars for each in flights))
        return Progress(
            job_id="job-sim",
            generation=1,
            sequence=sequence,
            phase=phase,
            written_at=EPOCH + timedelta(seconds=now),
            started_at=EPOCH + timedelta(seconds=self._s.queued),
            rows=RowCounts(total=len(self._s.rows), succeeded=ended, running=running),
            shards=ShardCounts(total=len(self._shards), committed=self._committed),
            tokens=TokenCounts(completion=sum(c.tokens for c in cells), generated=self._written + flight.tokens),
            latency=Latency(p50=self._quantile(0.5), p95=self._quantile(0.95)),
            replicas=Replicas(live=live, wanted=self._s.replicas),
            shares=tuple(replica.share for replica in self._replicas if replica.ready_at <= now),
            flight=flight,
            lengths=tuple(cells),
            seconds_phase={phase.value: now - since},
        )

    def _phase(self, now: float, ended: int, running: int) -> tuple[Phase, float]:
        if self._committed == len(self._shards):
            return Phase.DONE, now
        if self._first_row is not None:
            tail = ended and ended + running >= len(self._s.rows)
            return (Phase.TAIL, now) if tail else (Phase.WORK, self._first_row)
        begin = self._s.queued + self._s.cluster
        return (Phase.CLUSTER, self._s.queued) if now < begin else (Phase.MODEL_LOAD, begin)

    def _quantile(self, q: float) -> float | None:
        total = sum(self._latency.values())
        seen = 0
        for bucket in sorted(self._latency):
            seen += self._latency[bucket]
            if seen >= q * total:
                return float(_GROWTH ** (bucket + 0.5))
        return None
