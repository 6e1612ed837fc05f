"""Adapters arrive as folders that an engine can load, or end in an error that names their place in config.yaml."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.model_files import safetensors, write
from llmbatch.cluster.models.adapters import CONFIG, RANKS, WEIGHTS, fetch_adapters, rank_limit
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import ModelError
from llmbatch.core.serving import Serving
from llmbatch.core.store import MemoryStore


def files(weights: bytes | None = None, **config: Any) -> dict[str, bytes]:
    content = json.dumps({"peft_type": "LORA", "r": 8, "lora_alpha": 16, **config}).encode()
    return {CONFIG: content, WEIGHTS: safetensors() if weights is None else weights}


def fetched(uri: str, store: MemoryStore | None = None) -> Path:
    serving = Serving(name="chat", adapters={"legal": uri})
    return fetch_adapters(serving, EngineKind.VLLM, store or MemoryStore())["legal"]


def test_a_local_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "ad", files())
    assert fetched(str(folder)) == folder


def test_a_folder_of_the_store_is_fetched_once_and_without_other_files(cache: Path) -> None:
    store = MemoryStore()
    for name, body in {**files(), "optimizer.pt": b"pickled", "../evil": b"x"}.items():
        store.put(f"s3://b/adapters/legal/{name}", body)
    folder = fetched("s3://b/adapters/legal", store)
    assert folder.parent == cache
    assert {CONFIG, WEIGHTS} == {path.name for path in folder.iterdir()} - {"llmbatch-checksums.json"}
    assert fetched("s3://b/adapters/legal/", store) == folder
    store.put(f"s3://b/adapters/legal/{CONFIG}", files(r=16)[CONFIG])
    assert fetched("s3://b/adapters/legal", store) != folder


def test_an_adapter_of_a_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    folder, calls = write(tmp_path / "snapshot", files()), []

    def download(model: str, name: str, *, revision: str | None, etag_timeout: float) -> str:
        calls.append((model, name, revision))
        return str(folder / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert fetched("org/legal@v1") == folder
    assert calls == [("org/legal", CONFIG, "v1"), ("org/legal", WEIGHTS, "v1")]


def test_the_echo_engine_needs_no_folder() -> None:
    serving = Serving(name="m", adapters={"a": "s3://b/none", "b": "/none"})
    assert list(fetch_adapters(serving, EngineKind.ECHO, MemoryStore())) == ["a", "b"]


def without(name: str) -> Callable[[], dict[str, bytes]]:
    return lambda: {key: body for key, body in files().items() if key != name}


BROKEN: dict[str, tuple[Callable[[], dict[str, bytes]], str]] = {
    "no config": (without(CONFIG), "has no adapter_config.json"),
    "no JSON": (lambda: {**files(), CONFIG: b"{"}, "adapter_config.json cannot be read"),
    "a list": (lambda: {**files(), CONFIG: b"[]"}, "adapter_config.json is not a JSON object"),
    "another method": (lambda: files(peft_type="IA3"), "has peft_type 'IA3'; only LORA can be served"),
    "no method": (lambda: {**files(), CONFIG: b'{"r": 8}'}, "has peft_type None"),
    "no rank": (lambda: files(r=None), "is not a positive whole number"),
    "a true rank": (lambda: files(r=True), "is not a positive whole number"),
    "a rank of zero": (lambda: files(r=0), "is not a positive whole number"),
    "a rank of some layers": (lambda: files(rank_pattern={"q_proj": "8"}), "is not a positive whole number"),
    "a high rank": (lambda: files(r=513), "has rank 513; 512 is the largest"),
    "pickled weights": (
        lambda: {**without(WEIGHTS)(), "adapter_model.bin": b"pickled"},
        "has no adapter_model.safetensors; save the adapter with safe_serialization=True",
    ),
    "cut off": (lambda: files(safetensors(declared=10_000)), "adapter_model.safetensors is cut off"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_adapters(tmp_path: Path, name: str) -> None:
    make, expected = BROKEN[name]
    folder = write(tmp_path / "ad", make())
    with pytest.raises(ModelError, match=r"models\.chat\.adapters\.legal: model ") as caught:
        fetched(str(folder))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/no/such", "this node has no such folder"),
        ("s3://b/none", "no adapter_config.json under this prefix"),
        ("not an id!", "is not a model of config.yaml, a path"),
    ],
)
def test_unknown_addresses(uri: str, expected: str) -> None:
    with pytest.raises(ModelError, match=rf"models\.chat\.adapters\.legal: .*{expected}"):
        fetched(uri)


@pytest.mark.parametrize(
    ("ranks", "limit"), [([1], 1), ([2], 8), ([8, 4], 8), ([9, 64], 64), ([257], 320), ([512], 512)]
)
def test_the_limit_of_the_engine_is_the_next_that_it_takes(tmp_path: Path, ranks: list[int], limit: int) -> None:
    folders = [write(tmp_path / str(rank), files(r=rank)) for rank in ranks]
    assert rank_limit(folders) == limit
    assert limit in RANKS


def test_a_higher_rank_of_some_layers_counts(tmp_path: Path) -> None:
    assert rank_limit([write(tmp_path / "ad", files(r=8, rank_pattern={"q_proj": 20}))]) == 32


def test_no_adapter_has_no_limit() -> None:
    with pytest.raises(ModelError, match="the largest rank of the adapters is 0"):
        rank_limit([])
