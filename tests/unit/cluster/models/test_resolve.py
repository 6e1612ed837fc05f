"""Unknown models end in a ModelError that names them; good ones arrive once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.model_files import good_files, write
from llmbatch.cluster.models.model_folder import digest_of_folder
from llmbatch.cluster.models.resolve import resolve_model
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import InputChanged, ModelError
from llmbatch.core.store import MemoryStore, ObjectInfo


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


class _Replaced(MemoryStore):
    """Another process uploads a new version just after the model was listed."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        found = [*super().list(prefix)]
        self.put(f"{prefix}tokenizer.json", b'{"new": 1}')
        return iter(found)


def test_a_store_model_that_is_replaced_on_the_way_is_never_mixed(cache: Path) -> None:
    store = _Replaced()
    for name, body in good_files().items():
        store.put(f"s3://bucket/m/{name}", body)
    with pytest.raises(InputChanged, match=r"tokenizer\.json"):
        resolve_model("s3://bucket/m", EngineKind.VLLM, store)
    assert not [path for path in cache.iterdir() if path.is_dir()]


def test_store_model_cannot_leave_the_cache() -> None:
    store = MemoryStore()
    for name, body in {**good_files(), "../../evil": b"x"}.items():
        store.put(f"s3://bucket/m/{name}", body)
    with pytest.raises(ModelError, match="outside the cache"):
        resolve_model("s3://bucket/m", EngineKind.VLLM, store)


def test_echo_needs_no_model() -> None:
    assert resolve_model("org/anything", EngineKind.ECHO, MemoryStore()).path == "echo"
