"""One scan of the inboxes: settle the inputs whose jobs are over, then start jobs for new inputs.

Exactly one job runs for each address and ETag. The DAG run's id is derived from both, so a start that is repeated finds
the run that exists. An input that failed and was dropped again, which its later time of writing shows, gets another
attempt; one that is done does not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from heapq import merge
from typing import Protocol

from pydantic import JsonValue, ValidationError

from llmbatch.core import metrics
from llmbatch.core.addresses import checked_address
from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.drop_settings import InboxConfig, request_values
from llmbatch.core.errors import LlmbatchError, ObjectChanged, ObjectMissing, RequestError, StoreError
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest, read_manifest
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.deployment.run_states import DagRunState
from llmbatch.orchestrator.drop_folder.claims import Claim, Claims, Companion, OpenClaim, Outcome
from llmbatch.orchestrator.drop_folder.inbox import Drop, Inbox, read_inbox
from llmbatch.orchestrator.drop_folder.move import move
from llmbatch.orchestrator.drop_folder.options import read_options
from llmbatch.orchestrator.metrics.events import count

BEGIN_SECONDS = 120
"""A scan begins no further input after that time, so that inputs whose jobs are over leave the inbox."""

_log = logging.getLogger(__name__)


class Runs(Protocol):
    """The DAG runs of the jobs."""

    def start(self, run_id: str, conf: dict[str, JsonValue]) -> None:
        """Start a run; one that exists stays as it is. Raises ``RequestError`` if Airflow refuses it."""

    def state(self, run_id: str) -> DagRunState:
        """Return the state of a run."""

    def failure(self, run_id: str) -> str:
        """Return why a run failed, in one or a few lines."""


@dataclass
class Found:
    """What a scan did, in inputs."""

    started: int = 0
    running: int = 0
    waiting: int = 0
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    errors: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        counts = {"started": self.started, "running": self.running, "waiting": self.waiting, "errors": self.errors}
        return counts | {outcome.value: number for outcome, number in self.outcomes.items()}


class Scan:
    """A scan of all inboxes.

    Args:
        config: settings of this deployment.
        store: the object store.
        runs: the DAG runs of ``llmbatch_inference``.
        clock: for dates, and for what has waited too long.
    """

    def __init__(self, config: Config, store: ObjectStore, runs: Runs, clock: Clock) -> None:
        self._config, self._store, self._runs, self._clock = config, store, runs, clock
        self._claims = Claims(config.store.base_uri, store)
        self._inboxes = {inbox.uri: inbox for inbox in config.drop.inbox}
        self._found = Found()

    def run(self) -> Found:
        """Settle and start. One input that fails costs no other one; it is logged, and tried again in the next scan.

        Raises:
            StoreError: the store failed when claims were listed.
        """
        taken: set[str] = set()
        for each in self._claims.open():
            taken |= {each.claim.drop_id} | ({each.claim.source} if each.claim.is_folder else set())
            self._guarded(each.claim.source, partial(self._advance, each))
        inboxes = [inbox for inbox in map(self._read, self._inboxes) if inbox is not None]
        for inbox in inboxes:
            for folder in inbox.unmarked:
                _log.warning("event=drop_unmarked folder=%s; write _SUCCESS into it to start its job", shown(folder))
        until = self._clock.monotonic() + BEGIN_SECONDS
        for drop, step in self._steps(inboxes, taken):
            if self._found.running >= self._config.drop.most_running or self._clock.monotonic() > until:
                self._found.waiting += 1
            else:
                self._guarded(drop.source, step)
        return self._found

    def _read(self, uri: str) -> Inbox | None:
        """Return an inbox; None if it cannot be listed, for example because its bucket does not exist."""
        try:
            inbox = read_inbox(uri, self._store.list(f"{uri}/"), self._clock.now())
        except StoreError as error:
            self._found.errors += 1
            count(metrics.DROP_SCANS, "failed")
            _log.warning("event=inbox_unreadable inbox=%s error=%s", shown(uri), error)
            return None
        count(metrics.DROP_SCANS, "ok")
        return inbox

    def _steps(self, inboxes: list[Inbox], taken: set[str]) -> Iterator[tuple[Drop, Callable[[], None]]]:
        """Yield what to do with everything that has no open claim, the oldest inputs of all inboxes first."""
        for drop in merge(*(inbox.drops for inbox in inboxes), key=lambda drop: drop.modified):
            if drop.drop_id not in taken and drop.source not in taken:
                yield drop, partial(self._begin, drop)
        for stray in (stray for inbox in inboxes for stray in inbox.strays):
            if stray.drop.drop_id not in taken:
                yield stray.drop, partial(self._refuse, stray.drop, stray.reason)

    def _guarded(self, source: str, step: Callable[[], None]) -> None:
        try:
            step()
        except (ObjectChanged, ObjectMissing) as error:
            _log.info("event=drop_moved_on input=%s: %s", shown(source), error)  # the next scan sees what is there then
        except (LlmbatchError, ValidationError) as error:
            self._found.errors += 1
            _log.warning("event=drop_failed input=%s error=%s; the next scan tries again", shown(source), shown(error))

    def _begin(self, drop: Drop) -> None:
        """Claim a new input and start its job, or finish what an earlier claim of the same version left undone."""
        opened = self._claims.create(self._claim_of(drop, self._claims.settled(drop.drop_id)))
        if opened is not None:
            self._advance(opened)

    def _claim_of(self, drop: Drop, earlier: Claim | None) -> Claim:
        attempt = 1 if earlier is None else earlier.attempt
        if earlier is not None and drop.modified <= earlier.modified:
            return earlier  # a leftover: its move was interrupted
        if earlier is not None and earlier.outcome is Outcome.DONE:
            reason = f"The same content was dropped here before; {earlier.job_id} has its results. No job was started."
            return self._new_claim(drop, attempt).model_copy(update={"outcome": Outcome.DONE, "reason": reason})
        claim = self._new_claim(drop, attempt + (earlier is not None))
        try:
            checked_address(drop.source)
            options = read_options(drop, self._store)
            conf = request_values(self._inboxes[drop.inbox].defaults, options, drop.source)
        except (RequestError, ValueError) as error:
            return claim.model_copy(update={"outcome": Outcome.REFUSED, "reason": str(error)})
        return claim.model_copy(update={"conf": conf})

    def _refuse(self, drop: Drop, reason: str) -> None:
        claim = self._new_claim(drop, 1).model_copy(update={"outcome": Outcome.REFUSED, "reason": reason})
        opened = self._claims.create(claim)
        if opened is not None:
            self._advance(opened)

    def _new_claim(self, drop: Drop, attempt: int) -> Claim:
        run_id = f"drop__{drop.drop_id}" + (f"-{attempt}" if attempt > 1 else "")
        return Claim(
            drop_id=drop.drop_id,
            attempt=attempt,
            run_id=run_id,
            job_id=job_id_of(INFERENCE_DAG, run_id),
            inbox=drop.inbox,
            source=drop.source,
            etag=drop.etag,
            size=drop.size,
            modified=drop.modified,
            companions=tuple(Companion(uri=each.uri, etag=each.etag, size=each.size) for each in drop.companions),
            claimed_at=self._clock.now(),
        )

    def _advance(self, opened: OpenClaim) -> None:
        """Take an open claim as far as it goes now."""
        if opened.claim.outcome is None:
            opened = self._judged(opened) if opened.claim.is_started else self._start(opened)
        if opened.claim.outcome is None:
            self._found.running += 1
            return
        if opened.claim.settled_at is None:
            opened = self._claims.update(opened, opened.claim.model_copy(update={"settled_at": self._clock.now()}))
        self._settle(opened.claim)

    def _start(self, opened: OpenClaim) -> OpenClaim:
        claim = opened.claim
        try:
            self._runs.start(claim.run_id, claim.conf)
        except RequestError as error:
            changes: dict[str, object] = {"outcome": Outcome.REFUSED, "reason": str(error)}
        else:
            changes = {"is_started": True}
            self._found.started += 1
            count(metrics.DROP_INPUTS, "started")
            _log.info("event=drop_started job_id=%s input=%s", claim.job_id, shown(claim.source))
        return self._claims.update(opened, claim.model_copy(update=changes))

    def _judged(self, opened: OpenClaim) -> OpenClaim:
        """Give the claim its outcome, if its DAG run is over: the manifest decides."""
        claim, state = opened.claim, self._runs.state(opened.claim.run_id)
        if state is DagRunState.ALIVE:
            return opened
        reason, proof = "", self._proof(claim)
        if proof is None:
            reason = "Its DAG run was deleted." if state is DagRunState.GONE else self._runs.failure(claim.run_id)
        outcome = Outcome.FAILED if proof is None else Outcome.DONE
        return self._claims.update(opened, claim.model_copy(update={"outcome": outcome, "reason": reason}))

    def _settle(self, claim: Claim) -> None:
        inbox = self._inboxes.get(claim.inbox) or InboxConfig(uri=claim.inbox)
        outcome = claim.outcome or Outcome.FAILED
        is_done = outcome is Outcome.DONE
        proof = self._proof(claim) if is_done else None
        folder = move(claim, inbox.done if is_done else inbox.failed, self._job(claim), proof, self._store)
        self._claims.settle(claim)
        self._found.outcomes[outcome] += 1
        count(metrics.DROP_INPUTS, outcome.value)
        _log.info("event=drop_settled outcome=%s job_id=%s moved_to=%s", outcome.value, claim.job_id, shown(folder))

    def _job(self, claim: Claim) -> JobLayout:
        return JobLayout.of(self._config.store.base_uri, claim.job_id)

    def _proof(self, claim: Claim) -> JobManifest | None:
        try:
            return read_manifest(self._job(claim), self._store)
        except ObjectMissing:
            return None
