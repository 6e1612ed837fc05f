"""Folders of the store: what is needed must be there, and only what is named is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmbatch.cluster.models.stored_folder import stored_folder
from llmbatch.core.errors import ModelError
from llmbatch.core.store import MemoryStore


def test_named_files_only(cache: Path) -> None:
    store = MemoryStore()
    for name in ("a", "b", "sub/a"):
        store.put(f"s3://b/m/{name}", name.encode())
    folder, digest = stored_folder("s3://b/m", store, "a", ("a",))
    assert (folder / "a").read_bytes() == b"a"
    assert not (folder / "b").exists()
    whole, other = stored_folder("s3://b/m", store, "a")
    assert (whole / "sub" / "a").read_bytes() == b"sub/a"
    assert (whole, other) != (folder, digest)


def test_a_needed_file_that_is_missing_is_named() -> None:
    with pytest.raises(ModelError, match=r"model s3://b/m: no a under this prefix"):
        stored_folder("s3://b/m", MemoryStore(), "a")
