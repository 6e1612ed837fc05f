"""Models and adapters under a prefix of the object store, fetched once per node."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from llmbatch.cluster.models.model_cache import cached_folder
from llmbatch.core.errors import ModelError, ObjectMissing
from llmbatch.core.store import ObjectInfo, ObjectStore

_STREAM_BYTES = 8 * 2**20


def stored_folder(uri: str, store: ObjectStore, needed: str, names: Collection[str] | None = None) -> tuple[Path, str]:
    """Return the local folder and its digest. The ETags name the folder, so a new version is a new folder.

    Args:
        uri: the prefix.
        store: has the objects.
        needed: file that must be there.
        names: files to fetch; None: all.

    Raises:
        ModelError: the bucket or the needed file does not exist, or the cache cannot be written.
        StoreError: the object store failed.
    """
    prefix = uri.rstrip("/") + "/"
    try:
        objects = [item for item in store.list(prefix) if not item.uri.endswith("/")]
    except ObjectMissing:
        raise ModelError(f"model {uri}: the bucket does not exist") from None
    if names is not None:
        objects = [item for item in objects if item.uri.removeprefix(prefix) in names]
    if needed not in {item.uri.removeprefix(prefix) for item in objects}:
        raise ModelError(f"model {uri}: no {needed} under this prefix; give the folder that holds it")
    tags = "\n".join(f"{item.uri} {item.etag}" for item in objects)
    key = hashlib.sha256(tags.encode()).hexdigest()[:24]
    size = sum(item.size for item in objects)
    return cached_folder(f"s3-{key}", size, lambda folder: _fetch(store, prefix, objects, folder))


def _fetch(store: ObjectStore, prefix: str, objects: list[ObjectInfo], folder: Path) -> None:
    for item in objects:
        target = folder / item.uri.removeprefix(prefix)
        if not target.resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"model {prefix}: {item.uri} would be written outside the cache")
        target.parent.mkdir(parents=True, exist_ok=True)
        with store.open_stream(item.uri, item.etag) as stream, target.open("wb") as file:
            while block := stream.read(_STREAM_BYTES):
                file.write(block)
