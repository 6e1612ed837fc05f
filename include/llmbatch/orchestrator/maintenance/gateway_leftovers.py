"""Remove what the HTTP API leaves behind: expired files, uploads, batches of removed jobs, and expired API keys.

An expired file is kept for ``FILE_GRACE`` more. It starts no new batch, and a batch ends 24 hours after it was created,
so no unfinished batch reads a file that is removed. This rule needs no list of open jobs, and it also holds for a batch
whose run has not written a job folder yet. Another job that names such a file with a longer SLA must have
staged its rows by then.

A document is removed before what belongs to it, so that what can be seen is complete. What a crash leaves has no
document, and the next call removes it by its age.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.clock import Clock
from llmbatch.core.config_sections import RetentionConfig
from llmbatch.core.errors import StoreError
from llmbatch.core.gateway_layout import all_batches_uri, all_files_uri, batches_shown_uri, keys_uri
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.core.stored import read_if_readable
from llmbatch.orchestrator.jobs.folders import Amount
from llmbatch.orchestrator.maintenance.removal import Expired

FILE_GRACE = timedelta(hours=24)
"""From the expiry of a file until its removal: the window of a batch that was created just before the expiry."""
REMAINS_GRACE = timedelta(days=1)
"""From the last write of an upload, or of a content without document, until its removal."""
KEY_GRACE = timedelta(days=30)
"""From the expiry of an API key until its removal; until then a client reads that it has expired."""

_OWNER = "[0-9a-f]{32}"
_DOCUMENT = re.compile(rf"{_OWNER}/(file-[0-9a-f]{{24}})\.json", re.ASCII)
_CONTENT = re.compile(rf"{_OWNER}/content/(file-[0-9a-f]{{24}})\.jsonl", re.ASCII)
_UPLOAD = re.compile(rf"({_OWNER}/uploads/upload_[0-9a-f]{{24}})(?:\.json|/part_[0-9a-f]{{24}})", re.ASCII)
_MARK = re.compile(rf"{_OWNER}/deleted/file-(?:out|err)-([0-9a-f]{{16}})\.json", re.ASCII)
_BATCH = re.compile(rf"{_OWNER}/batch_([0-9a-f]{{16}})\.json", re.ASCII)
_SHOWN = re.compile(r"batch_([0-9a-f]{16})\.json", re.ASCII)
_KEY = re.compile(r"([0-9a-f]{16})\.json", re.ASCII)

_log = logging.getLogger(__name__)


class _File(BaseModel):
    """The used part of a file's document; the time is in Unix seconds."""

    model_config = ConfigDict(extra="ignore")

    id: str
    expires_at: int


class _Key(BaseModel):
    """The used part of an API key's document."""

    model_config = ConfigDict(extra="ignore")

    key_id: str
    expires_at: AwareDatetime


def expire_gateway(
    store: ObjectStore, base_uri: str, limits: RetentionConfig, clock: Clock, *, dry_run: bool
) -> Expired:
    """Remove what has expired; one line in the log for each kind. ``dry_run`` removes nothing.

    A kind that fails does not stop the others. Documents that cannot be read are logged and kept.

    Raises:
        StoreError: a kind could not be listed or removed; the next call continues.
    """
    look = _Look(store, base_uri, clock.now())
    kinds: dict[str, Callable[[], Iterable[ObjectInfo]]] = {
        "gateway_files": look.files,
        "gateway_uploads": look.uploads,
        "gateway_deletion_marks": look.marks,
        "gateway_batches": partial(look.batches, limits.jobs_days),
        "gateway_keys": look.keys,
    }
    done, failures = Expired(0, Amount()), list[StoreError]()
    for kind, find in kinds.items():
        try:
            found = list(find())
            if not dry_run:
                store.delete_many(info.uri for info in found)
        except StoreError as error:
            _log.warning("event=removal_failed part=%s error=%s", kind, error)
            failures.append(error)
            continue
        if found:
            amount = Amount.of(found)
            action = "would_remove" if dry_run else "removed"
            _log.info("event=removal action=%s part=%s objects=%d bytes=%d", action, kind, amount.objects, amount.bytes)
            done = Expired(done.removals + 1, done.amount + amount)
    if failures:
        raise StoreError(f"{len(failures)} of {len(kinds)} removals failed; the first: {failures[0]}")
    return done


@dataclass(frozen=True)
class _Look:
    """Finds what to remove, in the order in which it is removed."""

    store: ObjectStore
    base: str
    now: datetime

    def files(self) -> Iterator[ObjectInfo]:
        """Yield expired documents, then their contents and those that have no document."""
        for _, objects in groupby(self._under(all_files_uri(self.base)), key=lambda each: each[0].partition("/")[0]):
            contents, documents = dict[str, ObjectInfo](), dict[str, ObjectInfo]()
            for name, info in objects:
                if content := _CONTENT.fullmatch(name):
                    contents[content[1]] = info
                elif document := _DOCUMENT.fullmatch(name):
                    documents[document[1]] = info
            expired = {file_id: info for file_id, info in documents.items() if self._is_expired_file(file_id, info)}
            yield from expired.values()
            for file_id, info in contents.items():
                if file_id in expired or (file_id not in documents and self._is_older(info, REMAINS_GRACE)):
                    yield info

    def uploads(self) -> Iterator[ObjectInfo]:
        """Yield the documents and parts of old uploads; in the order of keys a document is before its parts."""
        matched = (
            (found[1], info)
            for name, info in self._under(all_files_uri(self.base))
            if (found := _UPLOAD.fullmatch(name)) is not None
        )
        for _, group in groupby(matched, key=lambda each: each[0]):
            objects = [info for _, info in group]
            if all(self._is_older(info, REMAINS_GRACE) for info in objects):
                yield from objects

    def marks(self) -> Iterator[ObjectInfo]:
        """Yield the deletion marks of output files of jobs that are gone."""
        for name, info in self._under(all_files_uri(self.base)):
            found = _MARK.fullmatch(name)
            if found is not None and self._is_gone(found[1]):
                yield info

    def batches(self, days: int | None) -> Iterator[ObjectInfo]:
        """Yield old records of batches whose jobs are gone, then what was shown of batches without a record."""
        if days is None:
            return
        age, kept = timedelta(days=days), set[str]()
        for name, info in self._under(all_batches_uri(self.base)):
            found = _BATCH.fullmatch(name)
            if found is None:
                continue
            if self._is_older(info, age) and self._is_gone(found[1]):
                yield info
            else:
                kept.add(found[1])
        for name, info in self._under(batches_shown_uri(self.base)):
            found = _SHOWN.fullmatch(name)
            if found is not None and found[1] not in kept and self._is_older(info, age) and self._is_gone(found[1]):
                yield info

    def keys(self) -> Iterator[ObjectInfo]:
        """Yield the API keys that expired long ago."""
        for name, info in self._under(keys_uri(self.base)):
            found = _KEY.fullmatch(name)
            key = read_if_readable(_Key, info.uri, self.store) if found else None
            if found and key and key.key_id == found[1] and self.now - key.expires_at >= KEY_GRACE:
                yield info

    def _under(self, folder: str) -> Iterator[tuple[str, ObjectInfo]]:
        return ((info.uri.removeprefix(folder), info) for info in self.store.list(folder))

    def _is_expired_file(self, file_id: str, info: ObjectInfo) -> bool:
        file = read_if_readable(_File, info.uri, self.store)
        if file is None or file.id != file_id:
            return False
        return file.expires_at + FILE_GRACE.total_seconds() <= self.now.timestamp()

    def _is_older(self, info: ObjectInfo, age: timedelta) -> bool:
        return info.modified is not None and self.now - info.modified >= age

    def _is_gone(self, number: str) -> bool:
        """Whether the job has no object left. One request."""
        return next(self.store.list(f"{JobLayout.of(self.base, f'job-{number}').root}/"), None) is None
