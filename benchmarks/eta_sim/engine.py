"""One replica with continuous batching, on virtual time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from eta_sim.workload import SimRow
from llmbatch.core.progress import Flight, ReplicaShare

CHARS_PER_TOKEN = 4.0


@dataclass(frozen=True)
class Speed:
    """Seconds of one decoding step (a fixed part and a part for each row) and of reading one prompt token."""

    step: float
    step_row: float
    read: float


class SimReplica:
    """Decodes up to ``slots`` rows together; ``window`` rows are admitted, the surplus waits inside.

    All rows in slots gain tokens at the same pace, so each ends when the replica's count of steps passes its own mark;
    of several that end at one step, the one that began first.
    Reading a prompt stops decoding for a while.
    """

    def __init__(self, speed: Speed, slots: int, window: int, ready_at: float) -> None:
        self.speed, self.slots, self.window = speed, slots, window
        self.now = self.ready_at = ready_at
        self.pace = 1.0
        self.lost_at: float | None = None
        self.shards: dict[int, int] = {}
        """Open shards and how many of their rows have not ended."""
        self.unadmitted: deque[tuple[int, int, SimRow]] = deque()
        self._inside: deque[tuple[int, int, SimRow]] = deque()
        self._heap: list[tuple[float, int, int, int, SimRow]] = []
        self._steps = self._begun_at = 0.0
        self._chars = self._taken = 0
        self._reading = 0.0
        self._noted = (0.0, 0.0, 0.0)
        self._answered = 0

    @property
    def flight(self) -> Flight:
        """What the replica would report of rows that have no answer yet."""
        unread = self._reading / self.speed.read * CHARS_PER_TOKEN if self.speed.read else 0.0
        tokens = len(self._heap) * self._steps - self._begun_at
        return Flight(tokens=round(tokens), chars=round(max(0.0, self._chars - unread)))

    def note(self, row: SimRow, seconds: float) -> None:
        """Count an answered row for the replica's own pace, over about its last two batches."""
        keep = 0.5 ** (1 / self.slots)
        self._answered += 1
        tokens, chars, before = self._noted
        self._noted = (keep * tokens + row.tokens, keep * chars + row.chars, keep * before + seconds)

    @property
    def share(self) -> ReplicaShare:
        """What the replica would report of itself; no pace before a batch is answered."""
        left, (tokens, chars, seconds) = sum(self.shards.values()), self._noted
        if self._answered < self.slots:
            return ReplicaShare(left=left)
        return ReplicaShare(left=left, pace=tokens / seconds, reading=chars / seconds)

    @property
    def decoding(self) -> tuple[int, ...]:
        """Numbers of the rows in slots."""
        return tuple(number for _, _, _, number, _ in self._heap)

    @property
    def admitted(self) -> int:
        """Rows in the engine, decoding or waiting inside."""
        return len(self._inside) + len(self._heap)

    def give(self, shard: int, rows: list[tuple[int, SimRow]]) -> None:
        """Take a shard: its rows with their numbers."""
        self.shards[shard] = len(rows)
        self.unadmitted.extend((shard, number, row) for number, row in rows)

    def fill(self, begin: Callable[[int, float], None]) -> None:
        """Admit rows up to the window, and start decoding up to the slots."""
        while self.unadmitted and self.admitted < self.window:
            self._inside.append(self.unadmitted.popleft())
        while self._inside and len(self._heap) < self.slots:
            shard, number, row = self._inside.popleft()
            begin(number, self.now)
            self._reading += row.chars / CHARS_PER_TOKEN * self.speed.read
            self._begun_at += self._steps
            self._chars += row.chars
            self._taken += 1
            heapq.heappush(self._heap, (self._steps + row.tokens, self._taken, shard, number, row))

    def advance(self, until: float) -> tuple[float, int, int] | None:
        """Run until the next row ends or until ``until``; return (when, shard, number) of the row."""
        if self.lost_at is not None:
            until = min(until, self.lost_at)
        if self.now >= until:
            return None
        if not self._heap:
            self.now = until
            return None
        reading = self._reading / self.pace
        if self.now + reading > until:
            self._reading -= (until - self.now) * self.pace
            self.now = until
            return None
        self.now += reading
        self._reading = 0.0
        step = (self.speed.step + self.speed.step_row * len(self._heap)) / self.pace
        mark, _, shard, number, row = self._heap[0]
        seconds = (mark - self._steps) * step
        if self.now + seconds > until:
            self._steps += (until - self.now) / step
            self.now = until
            return None
        self.now += seconds
        self._steps = mark
        heapq.heappop(self._heap)
        self._begun_at -= mark - row.tokens
        self._chars -= row.chars
        self.shards[shard] -= 1
        return self.now, shard, number
