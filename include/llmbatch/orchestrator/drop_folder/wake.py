"""When a scan is due: at once after a change in an inbox, else from time to time while there is something to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from llmbatch.core.drop_settings import DropConfig
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.orchestrator.drop_folder.claims import Claims

AGAIN_SECONDS = 60.0
"""Between two scans while inputs or jobs wait and nothing changes."""
_PAGE = 1000
"""Objects of an inbox that are looked at: one request."""


@dataclass(frozen=True)
class Glance:
    """What one look at the inboxes shows."""

    digest: str
    is_busy: bool
    """Whether an inbox has an object, or an input has an open claim."""


def glance(drop: DropConfig, base_uri: str, store: ObjectStore) -> Glance:
    """Look at the first objects of each inbox and at the open claims. Costs one request for each.

    Raises:
        StoreError: the store failed.
    """
    pages = [_first_page(inbox.uri, store) for inbox in drop.inbox]
    has_open = any(True for _ in islice(store.list(Claims(base_uri, store).open_folder), 1)) if drop.inbox else False
    return Glance(_digest([info.uri, info.etag] for page in pages for info in page), any(pages) or has_open)


class Wake:
    """Decides after each look whether a scan is due."""

    def __init__(self) -> None:
        self._digest: str | None = None
        self._at = float("-inf")

    def is_due(self, seen: Glance, now: float) -> bool:
        """Return whether to scan.

        Args:
            seen: the look.
            now: monotonic seconds.
        """
        due = seen.is_busy and (seen.digest != self._digest or now - self._at >= AGAIN_SECONDS)
        if due:
            self._digest, self._at = seen.digest, now
        return due


def _first_page(inbox: str, store: ObjectStore) -> list[ObjectInfo]:
    """Return the first objects; none of a bucket that does not exist, which the scan reports."""
    try:
        return [*islice(store.list(f"{inbox}/"), _PAGE)]
    except ObjectMissing:
        return []


def _digest(rows: Iterable[list[str]]) -> str:
    return hashlib.sha256(json.dumps([*rows]).encode()).hexdigest()
