"""Files of a small model that passes every check."""

from __future__ import annotations

import json
from pathlib import Path


def safetensors(size: int = 8, *, declared: int | None = None) -> bytes:
    tensor = {"dtype": "U8", "shape": [size], "data_offsets": [0, size if declared is None else declared]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "w": tensor}).encode()
    return len(header).to_bytes(8, "little") + header + b"\0" * size


def good_files() -> dict[str, bytes]:
    return {
        "config.json": json.dumps({"architectures": ["LlamaForCausalLM"]}).encode(),
        "model.safetensors": safetensors(),
        "tokenizer.json": b"{}",
    }


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return folder
