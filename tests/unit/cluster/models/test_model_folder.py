"""Every way a model folder can be wrong ends in a ModelError that names it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakes.model_files import good_files, safetensors, write
from llmbatch.cluster.models.resolve import resolve_model
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import ModelError
from llmbatch.core.store import MemoryStore

INDEX = json.dumps({"weight_map": {"w": "part-1.safetensors", "v": "part-2.safetensors"}}).encode()


BROKEN = {
    "no config": ({"config.json": None}, "no config.json"),
    "config is not JSON": ({"config.json": b"{"}, "config.json cannot be read"),
    "config is a list": ({"config.json": b"[]"}, "not a JSON object"),
    "no architectures": ({"config.json": b"{}"}, "names no architectures"),
    "no weights": ({"model.safetensors": None}, "no weights"),
    "empty weights": ({"model.safetensors": b""}, "no weights"),
    "weights are no safetensors": ({"model.safetensors": b"<html>not found</html>"}, "not a safetensors file"),
    "header is garbage": ({"model.safetensors": (4).to_bytes(8, "little") + b"abcdefgh"}, "no readable"),
    "weights are cut off": ({"model.safetensors": safetensors(declared=10_000)}, "cut off"),
    "part of the index is missing": ({"model.safetensors.index.json": INDEX}, "2 weight files of the index"),
    "no tokenizer": ({"tokenizer.json": None}, "no tokenizer"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_local_folder(tmp_path: Path, name: str) -> None:
    changes, expected = BROKEN[name]
    files = {key: body for key, body in {**good_files(), **changes}.items() if body is not None}
    folder = write(tmp_path / "model", files)
    with pytest.raises(ModelError, match=expected) as caught:
        resolve_model(str(folder), EngineKind.VLLM, MemoryStore())
    assert str(folder) in str(caught.value)
