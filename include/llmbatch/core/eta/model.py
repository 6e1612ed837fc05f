"""The ETA of one job, from its heartbeats."""

from __future__ import annotations

from llmbatch.core.eta.engine_fit import JobEffort
from llmbatch.core.eta.estimate import Estimate
from llmbatch.core.eta.finish import last_finish
from llmbatch.core.eta.footing import FirstFooting, Footing, slots_of
from llmbatch.core.eta.learned import Learned, answers_of, fixed_share_of
from llmbatch.core.eta.lengths import OutputLengths
from llmbatch.core.eta.observation import Observation
from llmbatch.core.eta.phases import seconds_until_work
from llmbatch.core.eta.priors import Priors
from llmbatch.core.eta.rate import Effort, WorkRate
from llmbatch.core.eta.reach import Reach, reach_of
from llmbatch.core.eta.spread import Spread, least_width
from llmbatch.core.eta.stall import StallWatch
from llmbatch.core.eta.tail import drain
from llmbatch.core.eta.work_done import pace_in_flight, unread_chars, work_done
from llmbatch.core.progress import EtaSeconds, EtaState
from llmbatch.core.states import Phase

_BATCH_SECONDS = 60.0
_FIRST_WAVE_KEPT = 0.3
_TELLING_BATCH = 0.25
"""Part of an engine's rows that must be in it at once to show how fast a full one is."""


class EtaModel:
    """Takes heartbeats, returns estimates. Deterministic; reads no clock; one instance per job.

    ``slots`` are the rows that one replica decodes together.

    Work is counted in units: an output token is one, an input character a fraction of it (see ``ReadingPrice``).
    Predicted seconds = start + units left / (units per replica-second x live replicas) + what the drain adds + commit.
    """

    def __init__(self, slots: int, priors: Priors | None = None, spread: Spread | None = None) -> None:
        self._most_batch, self._priors, self._spread = float(slots), priors or Priors(), spread or Spread.default()
        self._stall = StallWatch()
        self._last: Observation | None = None
        self._begin()

    def _begin(self) -> None:
        """Start anew, as a generation does: its replicas, rows and clock are its own."""
        self.lengths = OutputLengths(self._priors.lengths)
        self.rate = WorkRate(self._priors)
        self._speed: float | None = None
        self._effort: JobEffort | None = None
        self._drain: Estimate | None = None
        self._reach: Reach = {}
        self._done = Effort()
        self._batch = self._most_batch
        self._batch_seen = False
        self._worked = 0.0
        self._in_flight = FirstFooting(self._priors, self._most_batch, self.rate.price)
        self._first: Footing | None = None

    def observe(self, seen: Observation) -> None:
        """Take one heartbeat; one that is not newer than the last is ignored."""
        last = self._last
        if last is not None and (seen.at <= last.at or seen.generation < last.generation):
            return
        if last is not None and seen.generation > last.generation:
            self._begin()
            last = None
        self._last = seen
        self._stall.see(seen)
        done = work_done(seen)
        if seen.answered:
            gained = done.less(self._done)
            # A lost replica takes back what it had not committed; that does not concern speed.
            if last is not None and min(gained.tokens, gained.chars, gained.seconds) >= 0:
                self._learn_price(seen, last, gained)
                gained.seconds /= self._step_share(seen)
                self.rate.work(seen.at - last.at, gained)
            self._done = done
        self._learn_batch(seen, seen.at - last.at if last else 0.0)
        self._reach = reach_of(seen.cells, pace_in_flight(seen, self.rate.tokens)) if self.rate.known else {}
        self.lengths.fit(seen.cells, self._reach)
        self._first = None if self.rate.known else self._in_flight.of(seen)
        if not self.rate.known:
            return
        if any(cell.waiting for cell in seen.cells):
            self._speed, self._drain = self.rate.units * self._batch, None
            if seen.answered > self._slots(seen):
                self._effort = JobEffort(
                    tokens=done.tokens, chars=done.chars, slot_seconds=done.seconds, slots=self._batch
                )
        elif self._drain is None and seen.live:
            self._drain = self._predict(seen, seen.at)

    def learned(self, finished_at: float) -> Learned:
        """Return what was learned from the finished job; ``finished_at`` is on the clock of the observations."""
        return Learned(
            rate=self._speed or self._speed_of_one_batch(),
            price=self.rate.price.value,
            answers=answers_of(self.lengths) if self._last is not None and self._last.writes else None,
            fixed_share=fixed_share_of(self._drain, finished_at, self._priors.fixed_share),
            effort=self._effort,
        )

    def estimate(self, now: float) -> Estimate:
        """Return the estimate at ``now``, on the clock of the observations' ``at``."""
        seen = self._last
        if seen is None:
            return Estimate(EtaState.UNKNOWN, now, "no heartbeat yet")
        if seen.phase is Phase.DONE:
            nothing = EtaSeconds(p10=0, p50=0, p90=0)
            return Estimate(EtaState.FINISHED, now, "all shards are committed", 1.0, nothing, 0.0)
        if seen.phase.is_terminal:
            return Estimate(EtaState.UNKNOWN, now, f"the job is {seen.phase.value} and does not run")
        stalled = self._stall.reason(seen, now)
        if stalled is not None:
            return Estimate(EtaState.STALLED, now, stalled)
        if seen.paused:
            return Estimate(EtaState.UNKNOWN, now, "the job is paused")
        return self._predict(seen, now)

    @property
    def _footing(self) -> Footing:
        return self._first or Footing(self.rate, self.lengths, self._reach, self._batch)

    def _predict(self, seen: Observation, now: float) -> Estimate:
        start = seconds_until_work(seen.phase, seen.phase_seconds, self._priors.phases)
        on = self._footing
        rate = on.rate.units * on.batch if on.rate.known else self._priors.rate
        if start is None or rate is None:
            why = f"phase {seen.phase.value}, no answer yet and no earlier job to go by"
            if start == 0.0 and seen.flight is not None and seen.writes:
                why += f"; rows in flight have {seen.flight.tokens} tokens, which are too few for an estimate"
            return Estimate(EtaState.UNKNOWN, now, why)
        if not seen.live and start == 0.0:
            return Estimate(EtaState.UNKNOWN, now, "no replica is live")
        live = max(1, seen.live or seen.wanted)
        work, price = on.work(seen.cells, unread_chars(seen)), on.rate.price.value
        left = work.left_tokens + price * work.left_chars
        done = work.done_tokens + price * work.done_chars
        progress = done / (done + left) if done + left > 0 else 0.0
        last_rows = drain(seen.cells, on.lengths, on.reach, slots_of(on.batch, seen))
        finish = last_finish(seen, on, left, rate, last_rows, self._priors.fixed_share)
        age = max(0.0, now - seen.at)
        predicted = max(start + finish.work_seconds + finish.drain_seconds - age, 0.0) + self._priors.commit_seconds
        # Before an answer nothing but the limits bounds how long answers are, however much of it is written.
        usual = self._spread.at(0.0 if self._first else progress)
        factors = usual.at_least(least_width(seen.rows / self._most_batch / live)).factors()
        reason = "" if self._first is None else "no answer yet: the live rate of rows in flight, and their limits; "
        reason += (
            f"{left:.0f} units left at {rate:.1f}/s x {live} replicas"
            f"{f', answers of {work.mean_answer:.0f} tokens' if seen.writes else ''}"
            f", {100 * progress:.0f} % of the work done"
        )
        return Estimate(
            state=EtaState.ESTIMATED,
            at=now,
            reason=reason,
            progress=progress,
            seconds=EtaSeconds(p10=predicted * factors[0], p50=predicted * factors[1], p90=predicted * factors[2]),
            predicted=predicted,
            parts=(
                ("start", start),
                ("work", finish.work_seconds),
                ("tail", finish.drain_seconds),
                ("commit", self._priors.commit_seconds),
            ),
        )

    def _learn_price(self, seen: Observation, last: Observation, gained: Effort) -> None:
        """Learn the cost of reading from the first wave, which later counts for less where only answers are seen."""
        slots = self._slots(last)
        if seen.flight is not None:
            if last.answered and seen.answered < slots and gained.tokens + gained.chars > 0:
                self.rate.price.learn(gained)
            return
        cells = seen.cells
        begun = sum(cell.ended + cell.running for cell in cells)
        if gained.seconds > 0 and 2 * seen.answered < slots:
            mean_chars = sum((cell.ended + cell.running) * cell.mean_chars for cell in cells) / begun
            chars = (seen.answered - last.answered) * mean_chars
            self.rate.price.learn(Effort(gained.tokens, chars, gained.seconds))
        if last.answered < slots <= seen.answered:
            self.rate.discount(_FIRST_WAVE_KEPT)

    def _learn_batch(self, seen: Observation, seconds: float) -> None:
        """Follow the rows that one replica decodes together, until no shard waits; from then on engines run empty.

        They may be emptier than they could be long before: open shards that wait for a long row let no new one in.
        """
        if not seen.live or not seen.running:
            return
        batch = seen.running / seen.live
        self._worked += seconds
        if not self._batch_seen:
            self._batch, self._batch_seen = min(batch, self._batch), True
        elif sum(cell.left for cell in seen.cells) > sum(share.left for share in seen.shares):
            half_life = max(_BATCH_SECONDS, self._worked / 10)
            self._batch += (batch - self._batch) * (1 - 0.5 ** (seconds / half_life))

    def _step_share(self, seen: Observation) -> float:
        """Return what a decoding step of the rows in flight takes, as a part of one of a full batch; 1 while rows wait.

        In the drain engines run emptier, and each of the last rows advances faster than in a full batch.
        """
        if seen.flight is None or not seen.live or any(cell.waiting for cell in seen.cells):
            return 1.0
        fixed, full = self._priors.fixed_share, min(1.0, seen.running / seen.live / max(1.0, self._batch))
        return fixed + (1 - fixed) * full

    def _speed_of_one_batch(self) -> float | None:
        """Return how fast a full engine is, from a job whose rows were in it all at once; None if they were too few.

        A decoding step of such a batch takes ``fixed + (1 - fixed) x part`` of one of a full engine.
        """
        part, fixed = self._batch / self._most_batch, self._priors.fixed_share
        if not (self._batch_seen and self.rate.known) or part < _TELLING_BATCH:
            return None
        return self.rate.units * self._most_batch * (fixed + (1 - fixed) * part)

    def _slots(self, seen: Observation) -> float:
        return slots_of(self._batch, seen)
