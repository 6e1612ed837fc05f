"""LoRA adapters: from their addresses to folders that an engine loads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from llmbatch.cluster.models.hub_model import hub_files
from llmbatch.cluster.models.local_folder import is_path, local_folder
from llmbatch.cluster.models.model_folder import check_safetensors, read_object
from llmbatch.cluster.models.stored_folder import stored_folder
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import ModelError
from llmbatch.core.serving import Serving
from llmbatch.core.store import ObjectStore

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes as ``max_lora_rank``."""


def fetch_adapters(serving: Serving, kind: EngineKind, store: ObjectStore) -> dict[str, Path]:
    """Return the folder of each adapter by its name. An engine that loads none gets the addresses as they are.

    Only ``adapter_config.json`` and ``adapter_model.safetensors`` are fetched: other weights are pickled, which is
    code. What comes from the store stays at least until this process ends.

    Args:
        serving: has their addresses: ``s3://`` folders, local paths, or ids of a hub with an optional revision.
        kind: the engine's.
        store: has what ``s3://`` addresses name.

    Raises:
        ModelError: one of them cannot be found or used; the message names its place in config.yaml.
        StoreError: the object store failed.
    """
    if kind is EngineKind.ECHO:
        return {name: Path(uri) for name, uri in serving.adapters.items()}
    found = {}
    for name, uri in serving.adapters.items():
        try:
            folder = _folder(uri, store)
            _check(folder, uri)
        except ModelError as error:
            raise ModelError(f"models.{serving.name}.adapters.{name}: {error}") from None
        found[name] = folder
    return found


def rank_limit(folders: Iterable[Path]) -> int:
    """Return the ``max_lora_rank`` that an engine needs for the checked adapters in these folders.

    Raises:
        ModelError: there is no folder, or a rank is above the largest of ``RANKS``.
    """
    largest = max((_rank(read_object(folder / CONFIG, str(folder)), str(folder)) for folder in folders), default=0)
    limit = next((rank for rank in RANKS if 0 < largest <= rank), None)
    if limit is None:
        raise ModelError(f"the largest rank of the adapters is {largest}; 1 to {RANKS[-1]} can be served")
    return limit


def _folder(uri: str, store: ObjectStore) -> Path:
    if uri.startswith("s3://"):
        folder, _ = stored_folder(uri, store, CONFIG, (CONFIG, WEIGHTS))
        return folder
    return local_folder(uri) if is_path(uri) else hub_files(uri, (CONFIG, WEIGHTS))


def _check(folder: Path, uri: str) -> None:
    config = read_object(folder / CONFIG, uri)
    kind = config.get("peft_type")
    if kind != "LORA":
        raise ModelError(f"model {uri}: {CONFIG} has peft_type {kind!r}; only LORA can be served")
    rank = _rank(config, uri)
    if rank > RANKS[-1]:
        raise ModelError(f"model {uri}: {CONFIG} has rank {rank}; {RANKS[-1]} is the largest that can be served")
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelError(f"model {uri} has no {WEIGHTS}; save the adapter with safe_serialization=True")
    check_safetensors(weights, uri)


def _rank(config: Mapping[str, object], uri: str) -> int:
    """Return the largest rank of any layer."""
    patterns = config.get("rank_pattern") or {}
    ranks = [config.get("r"), *(patterns.values() if isinstance(patterns, dict) else [None])]
    whole = [rank for rank in ranks if isinstance(rank, int) and not isinstance(rank, bool) and rank > 0]
    if len(whole) < len(ranks):
        raise ModelError(f"model {uri}: r or rank_pattern of {CONFIG} is not a positive whole number")
    return max(whole)
