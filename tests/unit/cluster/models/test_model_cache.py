"""The model cache of a node."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import llmbatch
from fakes.model_files import good_files, write
from llmbatch.cluster.models import model_cache
from llmbatch.cluster.models.cache_space import BOUND_ENV
from llmbatch.core.errors import ModelError


def test_damaged_cache_is_rebuilt_and_a_failed_build_leaves_nothing(cache: Path) -> None:
    builds: list[Path] = []

    def build(folder: Path) -> None:
        builds.append(folder)
        write(folder, good_files())

    folder, digest = model_cache.cached_folder("m", 0, build)
    assert model_cache.cached_folder("m", 0, build) == (folder, digest)
    assert len(builds) == 1
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert model_cache.cached_folder("m", 0, build) == (folder, digest)
    (folder / "tokenizer.json").unlink()
    assert model_cache.cached_folder("m", 0, build) == (folder, digest)
    (folder / model_cache.CHECKSUMS).write_text("{")
    assert model_cache.cached_folder("m", 0, build) == (folder, digest)
    assert len(builds) == 4

    def fail(folder: Path) -> None:
        write(folder, {"half": b"x"})
        raise ModelError("stopped")

    with pytest.raises(ModelError, match="stopped"):
        model_cache.cached_folder("other", 0, fail)
    assert [path.name for path in cache.iterdir() if not path.name.startswith(".")] == ["m"]
    assert not (cache / ".other.partial").exists()


def test_a_full_disk_is_an_error_of_the_model(cache: Path) -> None:
    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelError, match=r"m cannot be written .*No space left.*LLMBATCH_MODEL_CACHE"):
        model_cache.cached_folder("m", 0, full)
    assert not (cache / ".m.partial").exists()


def test_a_new_model_takes_the_place_of_the_one_used_least_recently(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BOUND_ENV, str(25_000 / 2**30))
    for name in ("a", "b"):
        _in_another_process(cache, name, 10_000)
    _in_another_process(cache, "a", 10_000)
    model_cache.cached_folder("c", 10_000, lambda folder: write(folder, {"weights": b"x" * 10_000}) and None)
    assert {path.name for path in cache.iterdir() if not path.name.startswith(".")} == {"a", "c"}


def test_a_model_in_use_is_never_removed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOUND_ENV, str(5_000 / 2**30))
    for name in ("a", "b"):
        model_cache.cached_folder(name, 10_000, lambda folder: write(folder, {"weights": b"x" * 10_000}) and None)
    assert (cache / "a" / "weights").is_file()
    assert (cache / "b" / "weights").is_file()


def _in_another_process(cache: Path, name: str, size: int) -> None:
    """Use a model and end, as a replica does."""
    code = (
        "import pathlib, sys; from llmbatch.cluster.models.model_cache import cached_folder\n"
        "name, size = sys.argv[1], int(sys.argv[2])\n"
        "cached_folder(name, size, lambda folder: (folder / 'weights').write_bytes(b'x' * size))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(llmbatch.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code, name, str(size)], check=True, env=environment)
    assert (cache / name / "weights").is_file()
