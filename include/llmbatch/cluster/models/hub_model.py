"""Models by hub id: known and complete, or a clear error within seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmbatch.core.errors import ModelError

_ADDRESS = re.compile(r"([A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?)(?:@([\w./-]+))?")
_HUB_SECONDS = 5.0
_WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf")


def hub_model(address: str) -> tuple[str, str | None]:
    """Return id and commit of a hub model that is in this node's cache or that the hub offers now.

    Args:
        address: ``org/name``, or ``org/name@revision`` with a commit, tag or branch.

    Raises:
        ModelError: not a hub id, not on the hub, no weights in it, or the hub cannot be reached and the cache lacks it.
    """
    model_id, revision = _parts(address)
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model_id, "config.json", revision=revision)
    if isinstance(cached, str):
        return model_id, cached.rsplit("/", 2)[-2]
    return model_id, _ask_hub(model_id, revision)


def hub_files(address: str, names: tuple[str, ...]) -> Path:
    """Return a folder of the hub's own cache that has these files, downloading those that it lacks.

    Args:
        address: ``org/name``, or ``org/name@revision``.
        names: of the files.

    Raises:
        ModelError: not a hub id, not on the hub, one of the files is missing, or the hub cannot be reached.
    """
    model_id, revision = _parts(address)
    from huggingface_hub import hf_hub_download

    with _hub_errors(model_id, revision):
        paths = [hf_hub_download(model_id, name, revision=revision, etag_timeout=_HUB_SECONDS) for name in names]
    return Path(paths[0]).parent


def _parts(address: str) -> tuple[str, str | None]:
    """Split an address into id and revision."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ModelError(f"model {address!r} is not a model of config.yaml, a path, an s3:// folder or a hub id")
    model_id, revision = found.groups()
    return model_id, revision


def _ask_hub(model_id: str, revision: str | None) -> str | None:
    from huggingface_hub import HfApi, constants

    name = _named(model_id, revision)
    if constants.HF_HUB_OFFLINE:
        raise ModelError(f"model {name} is not in this node's cache and HF_HUB_OFFLINE is set")
    with _hub_errors(model_id, revision):
        info = HfApi().model_info(model_id, revision=revision, timeout=_HUB_SECONDS)
    files = [item.rfilename for item in info.siblings or []]
    if "config.json" not in files or not any(file.endswith(_WEIGHTS) for file in files):
        raise ModelError(f"model {name} has no config.json or no weights on the hub")
    return info.sha


def _named(model_id: str, revision: str | None) -> str:
    return model_id if revision is None else f"{model_id}@{revision}"


@contextmanager
def _hub_errors(model_id: str, revision: str | None) -> Iterator[None]:
    """Raise a ``ModelError`` in place of each error of the hub's client."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name = _named(model_id, revision)
    try:
        yield
    except GatedRepoError:
        raise ModelError(f"model {name} is gated: set HF_TOKEN to a token that may read it") from None
    except RepositoryNotFoundError:
        raise ModelError(f"model {name} is not on the hub, or is private and HF_TOKEN may not read it") from None
    except RevisionNotFoundError:
        raise ModelError(f"model {model_id} has no revision {revision} on the hub; correct it in config.yaml") from None
    except Exception as error:  # whatever the network throws means the same here
        if isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
            raise ModelError(f"model {name} lacks a file on the hub: {error}") from None
        raise ModelError(
            f"model {name} is not in this node's cache and the hub cannot be reached ({type(error).__name__}). "
            "Use bundled:smollm2-135m-instruct, a local path or an s3:// folder."
        ) from None
