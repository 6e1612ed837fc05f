"""The engine crashes of a job, kept in the store: they outlive replicas and generations."""

from __future__ import annotations

import contextlib
import logging

from llmbatch.cluster.exchange.replica_report import LostReplica
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.crashes import Crash, Suspicion, suspect
from llmbatch.core.errors import ObjectExists
from llmbatch.core.stored import read_if_readable

_log = logging.getLogger(__name__)


def record_loss(job: JobContext, lost: LostReplica) -> None:
    """Store the record of a replica whose process ended without one. Raises ``StoreError``."""
    _log.warning("event=replica_lost job_id=%s replica=%s rows=%d", job.job_id, lost.replica_id, len(lost.rows))
    crash = Crash(
        generation=job.generation,
        replica_id=lost.replica_id,
        crashed_at=job.clock.now(),
        error="the process of the replica ended",
        rows=lost.rows,
    )
    CrashBook(job).record(crash)


class CrashBook:
    """Reads each record once; safe to call again before every shard, because other replicas write too."""

    def __init__(self, job: JobContext) -> None:
        self._store, self._layout = job.store, job.layout
        self._crashes: dict[str, Crash | None] = {}

    def suspicion(self) -> Suspicion:
        """Return the suspects of all crashes so far. One request if there are no new ones. Raises ``StoreError``."""
        for info in self._store.list(self._layout.crashes):
            if info.uri not in self._crashes and info.uri.endswith(".json"):
                self._crashes[info.uri] = read_if_readable(Crash, info.uri, self._store)
        # A copy: shards are begun on several threads, and another one may be adding a record.
        return suspect([crash for crash in list(self._crashes.values()) if crash is not None])

    def record(self, crash: Crash) -> None:
        """Store the record of a crash. One that the replica wrote itself is exact, and stays. Raises ``StoreError``."""
        uri = self._layout.crash(crash.generation, crash.replica_id)
        with contextlib.suppress(ObjectExists):
            self._store.create(uri, crash.model_dump_json().encode())
