"""From a model's address to something an engine can load, or a clear error before any engine starts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from llmbatch.cluster.models.bundled_model import SCHEME, bundled_model
from llmbatch.cluster.models.hub_model import hub_model
from llmbatch.cluster.models.model_cache import cached_folder
from llmbatch.cluster.models.model_folder import check_model_folder, digest_of_folder
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import ModelError, ObjectMissing
from llmbatch.core.store import ObjectInfo, ObjectStore

_STREAM_BYTES = 8 * 2**20


@dataclass(frozen=True)
class ResolvedModel:
    """``path`` is a local folder or a hub id; ``digest`` names the exact version where one is known.

    ``revision`` is the commit of a hub id.
    """

    path: str
    digest: str | None
    revision: str | None = None


def resolve_model(uri: str, kind: EngineKind, store: ObjectStore) -> ResolvedModel:
    """Resolve ``bundled:…``, ``s3://…``, a local path, ``id`` or ``id@revision`` of a hub; check that a model is there.

    Called in the driver, so that a wrong name ends the job in its first seconds, and again on every node that runs a
    replica, where bundled and S3 models arrive once.

    Raises:
        ModelError: unknown, incomplete or unreadable; the message names what is missing.
        StoreError: the object store failed.
    """
    if kind is EngineKind.ECHO:
        return ResolvedModel("echo", None)
    if uri.startswith(SCHEME):
        folder, digest = bundled_model(uri)
    elif uri.startswith("s3://"):
        folder, digest = _from_store(uri, store)
    elif _is_path(uri):
        folder = Path(uri).expanduser()
        if not folder.is_dir():
            raise ModelError(f"model {uri}: this node has no such folder")
        check_model_folder(folder, uri)
        return ResolvedModel(str(folder), digest_of_folder(folder))
    else:
        model_id, commit = hub_model(uri)
        return ResolvedModel(model_id, None if commit is None else f"revision:{commit}", commit)
    check_model_folder(folder, uri)
    return ResolvedModel(str(folder), digest)


def _is_path(uri: str) -> bool:
    return uri.startswith(("/", "./", "../", "~")) or Path(uri).is_dir()


def _from_store(uri: str, store: ObjectStore) -> tuple[Path, str]:
    """Fetch the objects under ``uri`` once per node. Their ETags name the folder, so a new version is a new folder."""
    prefix = uri.rstrip("/") + "/"
    try:
        objects = [item for item in store.list(prefix) if not item.uri.endswith("/")]
    except ObjectMissing:
        raise ModelError(f"model {uri}: the bucket does not exist") from None
    names = {item.uri.removeprefix(prefix) for item in objects}
    if "config.json" not in names:
        raise ModelError(f"model {uri}: no config.json under this prefix; give the folder that holds it")
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
