"""What is a path, and what is a name of a hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmbatch.cluster.models.local_folder import is_path, local_folder
from llmbatch.core.errors import ModelError


@pytest.mark.parametrize("uri", ["/m", "./m", "../m", "~/m"])
def test_paths(uri: str) -> None:
    assert is_path(uri)


def test_a_folder_that_is_there_is_a_path_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not is_path("org/name")
    (tmp_path / "org" / "name").mkdir(parents=True)
    assert is_path("org/name")
    assert local_folder("org/name") == Path("org/name")


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(ModelError, match="model /no/such: this node has no such folder"):
        local_folder("/no/such")
