"""The model cache of a node."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.model_files import good_files, write
from llmbatch.cluster.models import model_cache
from llmbatch.core.errors import ModelError


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
