"""What a model folder must hold before an engine is started on it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from llmbatch.core.errors import ModelError

_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.gguf")
_INDEX = "model.safetensors.index.json"
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "tekken.json", "spiece.model")


def check_model_folder(folder: Path, name: str) -> None:
    """Check config, weights and tokenizer without loading them.

    Raises:
        ModelError: naming the first thing that is missing or cannot be read.
    """
    config = read_object(folder / "config.json", name)
    if not config.get("architectures"):
        raise ModelError(f"model {name}: config.json names no architectures")
    index = folder / _INDEX
    if index.is_file():
        wanted = set(dict(read_object(index, name).get("weight_map") or {}).values())
        missing = sorted(part for part in wanted if not _is_full(folder / part))
        if missing or not wanted:
            raise ModelError(f"model {name}: {len(missing)} weight files of the index are missing, first {missing[:1]}")
    elif not any(_is_full(path) for pattern in _WEIGHTS for path in folder.glob(pattern)):
        raise ModelError(f"model {name}: no weights ({', '.join(_WEIGHTS)}) beside config.json")
    for path in folder.glob("*.safetensors"):
        check_safetensors(path, name)
    if not any(_is_full(folder / tokenizer) for tokenizer in _TOKENIZERS):
        raise ModelError(f"model {name}: no tokenizer ({', '.join(_TOKENIZERS)}) beside config.json")


def digest_of_folder(folder: Path) -> str:
    """Return a digest over the contents of small files and the names and sizes of large ones.

    It distinguishes two versions in practice without reading hundreds of gigabytes; it is not a proof of equality.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder)} {size}\n".encode())
        if size <= 2**20:
            digest.update(path.read_bytes())
    return "names-sha256:" + digest.hexdigest()


def read_object(path: Path, name: str) -> dict[str, Any]:
    """Return the JSON object in a file of the model ``name``. Raises ``ModelError``."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"model {name} has no {path.name}") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"model {name}: {path.name} cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise ModelError(f"model {name}: {path.name} is not a JSON object")
    return data


def _is_full(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def check_safetensors(path: Path, name: str) -> None:
    """Read the header of a weights file: a truncated download declares more bytes than it has.

    Raises:
        ModelError: it is cut off, or not such a file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= size - 8:
            raise ModelError(f"model {name}: {path.name} is not a safetensors file or is cut off")
        try:
            header = json.loads(file.read(length))
            end = max((entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ModelError(f"model {name}: {path.name} has no readable safetensors header") from None
    if 8 + length + end > size:
        raise ModelError(f"model {name}: {path.name} is cut off: {size} bytes of {8 + length + end}")
