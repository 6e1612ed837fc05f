"""Documents of jobs as the API reads them: kept for a short time, in bounded numbers, for all requests of one worker.

A spec and a proof never change, but their folder may be removed; heartbeats and alerts are written every few seconds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import ValidationError

from llmbatch.core.admission import Admission
from llmbatch.core.alerts import Alert, read_alerts
from llmbatch.core.clock import Clock
from llmbatch.core.errors import ForeignManifest, ObjectMissing, SpecError
from llmbatch.core.heartbeat import read_heartbeat
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest, read_manifest
from llmbatch.core.progress import Progress
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable
from llmbatch.orchestrator.jobs.documents import read_spec

FIXED_SECONDS = 60.0
"""Time for which a spec, an admission and a proof are kept: a removed job is gone after it."""
LIVE_SECONDS = 2.0
"""Time for which a heartbeat and the alerts of a job are kept."""
MOST = 1000
"""Documents of each kind that are kept; the one that was used longest ago is dropped."""

Document = TypeVar("Document")


class Kept(Generic[Document]):
    """What ``read`` returned, by key. Safe to share between threads.

    Args:
        seconds: time for which a document is used.
        most: documents that are kept.
        clock: for their age.
    """

    def __init__(self, seconds: float, most: int, clock: Clock) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._items: OrderedDict[str, tuple[float, Document]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, read: Callable[[], Document]) -> Document:
        """Return the document; an error of ``read`` passes, and nothing is kept."""
        with self._lock:
            found = self._items.get(key)
            if found is not None and self._clock.monotonic() - found[0] < self._seconds:
                self._items.move_to_end(key)
                return found[1]
        at, document = self._clock.monotonic(), read()
        with self._lock:
            self._items[key] = (at, document)
            self._items.move_to_end(key)
            while len(self._items) > self._most:
                self._items.popitem(last=False)
        return document


class JobDocuments:
    """Reader of the jobs under ``base_uri``. Every method blocks and may raise ``StoreError``.

    Args:
        base_uri: ``s3://bucket/prefix`` that holds ``jobs/``.
        store: where that is.
        clock: for the age of documents.
        spec_seconds: time for which a spec is kept.
    """

    def __init__(self, base_uri: str, store: ObjectStore, clock: Clock, *, spec_seconds: float = FIXED_SECONDS) -> None:
        self._base, self._store, self._clock = base_uri, store, clock
        self._specs: Kept[JobSpec] = Kept(spec_seconds, MOST, clock)
        self._proofs: Kept[JobManifest] = Kept(FIXED_SECONDS, MOST, clock)
        self._admissions: Kept[Admission | None] = Kept(FIXED_SECONDS, MOST, clock)
        self._beats: Kept[Progress | None] = Kept(LIVE_SECONDS, MOST, clock)
        self._alerts: Kept[tuple[Alert, ...]] = Kept(LIVE_SECONDS, MOST, clock)

    def layout(self, job_id: str) -> JobLayout:
        """Return the addresses of a job. Reads nothing."""
        return JobLayout.of(self._base, job_id)

    def spec(self, job_id: str) -> JobSpec | None:
        """Return the accepted job; None if there is none that can be read."""
        root = self.layout(job_id).root
        try:
            return self._specs.get(job_id, lambda: read_spec(root, self._store, is_strict=False))
        except (ObjectMissing, SpecError):
            return None

    def proof(self, job_id: str) -> JobManifest | None:
        """Return the manifest without its list of shards, which may be long; None before the job is published."""
        layout = self.layout(job_id)
        try:
            return self._proofs.get(
                job_id, lambda: read_manifest(layout, self._store).model_copy(update={"shards": ()})
            )
        except (ObjectMissing, ForeignManifest):
            return None

    def admission(self, job_id: str) -> Admission | None:
        """Return the decision at the submission of an accepted job."""
        uri = self.layout(job_id).admission
        return self._admissions.get(job_id, lambda: read_if_readable(Admission, uri, self._store))

    def progress(self, job_id: str, now: datetime) -> Progress | None:
        """Return the last heartbeat, dated by the reader's clock ``now``; None before the first."""
        return self._beats.get(job_id, lambda: self._heartbeat(self.layout(job_id), now))

    def alerts(self, job_id: str) -> tuple[Alert, ...]:
        """Return the alerts in the order in which they were raised."""
        return self._alerts.get(job_id, lambda: read_alerts(self._store, self.layout(job_id)))

    def _heartbeat(self, layout: JobLayout, now: datetime) -> Progress | None:
        try:
            return read_heartbeat(self._store, layout, now)
        except ValidationError:
            return None  # of another version, or written by another program
