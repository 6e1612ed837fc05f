"""Back up a job's folder or many, and restore them: the same function with the arguments exchanged.

The copies are made inside one object store, so both places belong to one endpoint.

Equal objects are skipped, different ones are replaced, nothing is deleted. Every copy is
compared with its source. ``manifest.json`` objects come last, so that half a copy never looks complete. The addresses
inside ``spec.json`` and ``manifest.json`` stay as they are: a job is continued and published at its first address only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import IO

from llmbatch.core.errors import InputChanged, ObjectChanged, ObjectMissing, RequestError, StoreError
from llmbatch.core.layout import split_uri
from llmbatch.core.store import ObjectInfo, ObjectStore

THREADS = 16
TRIES = 5
"""Versions of one object that may follow each other while it is copied, as the heartbeat of a running job does."""

_BATCH = 1024
_CHUNK = 2**20
_MANIFEST = "/manifest.json"


@dataclass(frozen=True)
class CopyReport:
    """The content of the target: ``objects`` is the sum of ``copied`` and ``skipped``."""

    objects: int
    bytes: int
    copied: int
    skipped: int


def copy_jobs(source: str, target: str, store: ObjectStore) -> CopyReport:
    """Copy all objects under one folder into another and prove each copy.

    Raises:
        RequestError: a folder is not an ``s3://`` address, the source is empty, or one contains the other.
        StoreError: the store failed or a copy is not equal to its source; the same call continues where this one ended.
    """
    source, target = _folder("source", source), _folder("target", target)
    if source.startswith(target) or target.startswith(source):
        raise RequestError("target", f"{source} and {target} contain one another", "Give two separate folders.")
    try:
        next(store.list(target), None)
    except ObjectMissing:
        raise RequestError("target", f"there is no bucket {split_uri(target)[0]!r}", "Create it first.") from None
    copier = _Copier(source, target, store)
    manifests: list[ObjectInfo] = []
    with ThreadPoolExecutor(THREADS, thread_name_prefix="backup") as pool:
        data = _apart(store.list(source), manifests)
        while batch := [*islice(data, _BATCH)]:
            copier.count(pool.map(copier.copy, batch))
        manifests.sort(key=lambda info: -info.uri.count("/"))  # a job's own manifest after those inside its folder
        copier.count(map(copier.copy, manifests))
    if not copier.objects:
        raise RequestError("source", f"there is nothing under {source}", "Check the address.")
    return CopyReport(copier.objects, copier.bytes, copier.copied, copier.objects - copier.copied)


class _Copier:
    def __init__(self, source: str, target: str, store: ObjectStore) -> None:
        self._source, self._target, self._store = source, target, store
        self.objects = self.bytes = self.copied = 0

    def count(self, done: Iterable[tuple[ObjectInfo, bool]]) -> None:
        for info, is_new in done:
            self.objects += 1
            self.bytes += info.size
            self.copied += is_new

    def copy(self, info: ObjectInfo) -> tuple[ObjectInfo, bool]:
        """Return the version that is in the target now, and whether it had to be copied."""
        uri = self._target + info.uri.removeprefix(self._source)
        for _ in range(TRIES):
            try:
                if self._holds(uri, info):
                    return info, False
                copied = self._store.copy(info, uri)
            except (ObjectChanged, InputChanged):
                info = self._store.head(info.uri)
                continue
            if not self._equal(info, copied):
                raise StoreError(f"{uri} is not equal to {info.uri} after it was copied. Run the command again.")
            return info, True
        raise StoreError(
            f"{info.uri} was replaced {TRIES} times while it was copied. Wait for its job, then run again."
        )

    def _holds(self, uri: str, info: ObjectInfo) -> bool:
        try:
            return self._equal(info, self._store.head(uri))
        except ObjectMissing:
            return False

    def _equal(self, one: ObjectInfo, other: ObjectInfo) -> bool:
        """Compare size and ETag; by content where ETags differ, because they depend on the parts of an upload."""
        if one.size != other.size:
            return False
        return one.etag == other.etag or self._digest(one) == self._digest(other)

    def _digest(self, info: ObjectInfo) -> str:
        digest = hashlib.sha256()
        with self._store.open_stream(info.uri, info.etag) as stream:
            for chunk in _chunks(stream):
                digest.update(chunk)
        return digest.hexdigest()


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _apart(objects: Iterable[ObjectInfo], manifests: list[ObjectInfo]) -> Iterator[ObjectInfo]:
    """Yield the objects other than manifests; put manifests into ``manifests``."""
    for info in objects:
        if info.uri.endswith(_MANIFEST):
            manifests.append(info)
        else:
            yield info


def _folder(name: str, uri: str) -> str:
    try:
        split_uri(uri)
    except ValueError as error:
        raise RequestError(name, str(error), "Give a folder like s3://bucket/prefix/jobs/<job_id>/.") from None
    return uri if uri.endswith("/") else f"{uri}/"
