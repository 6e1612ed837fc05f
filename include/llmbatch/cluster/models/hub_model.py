"""Models by hub id: known and complete, or a clear error within seconds."""

from __future__ import annotations

import re

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
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ModelError(f"model {address!r} is not a model of config.yaml, a path, an s3:// folder or a hub id")
    model_id, revision = found.groups()
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model_id, "config.json", revision=revision)
    if isinstance(cached, str):
        return model_id, cached.rsplit("/", 2)[-2]
    return model_id, _ask_hub(model_id, revision)


def _ask_hub(model_id: str, revision: str | None) -> str | None:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    name = model_id if revision is None else f"{model_id}@{revision}"
    if constants.HF_HUB_OFFLINE:
        raise ModelError(f"model {name} is not in this node's cache and HF_HUB_OFFLINE is set")
    try:
        info = HfApi().model_info(model_id, revision=revision, timeout=_HUB_SECONDS)
    except GatedRepoError:
        raise ModelError(f"model {name} is gated: set HF_TOKEN to a token that may read it") from None
    except RepositoryNotFoundError:
        raise ModelError(f"model {name} is not on the hub, or is private and HF_TOKEN may not read it") from None
    except RevisionNotFoundError:
        raise ModelError(f"model {model_id} has no revision {revision} on the hub; correct it in config.yaml") from None
    except Exception as error:  # whatever the network throws means the same here
        raise ModelError(
            f"model {name} is not in this node's cache and the hub cannot be reached ({type(error).__name__}). "
            "Use bundled:smollm2-135m-instruct, a local path or an s3:// folder."
        ) from None
    files = [item.rfilename for item in info.siblings or []]
    if "config.json" not in files or not any(file.endswith(_WEIGHTS) for file in files):
        raise ModelError(f"model {name} has no config.json or no weights on the hub")
    return info.sha
