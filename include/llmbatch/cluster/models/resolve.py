"""From a model's address to something an engine can load, or a clear error before any engine starts."""

from __future__ import annotations

from dataclasses import dataclass

from llmbatch.cluster.models.bundled_model import SCHEME, bundled_model
from llmbatch.cluster.models.hub_model import hub_model
from llmbatch.cluster.models.local_folder import is_path, local_folder
from llmbatch.cluster.models.model_folder import check_model_folder, digest_of_folder
from llmbatch.cluster.models.stored_folder import stored_folder
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.store import ObjectStore


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
        folder, digest = stored_folder(uri, store, "config.json")
    elif is_path(uri):
        folder = local_folder(uri)
        check_model_folder(folder, uri)
        return ResolvedModel(str(folder), digest_of_folder(folder))
    else:
        model_id, commit = hub_model(uri)
        return ResolvedModel(model_id, None if commit is None else f"revision:{commit}", commit)
    check_model_folder(folder, uri)
    return ResolvedModel(str(folder), digest)
