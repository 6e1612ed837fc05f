"""Models in use."""

from __future__ import annotations

from pathlib import Path

from llmbatch.cluster.models.lease import hold, last_use, unused


def test_a_folder_is_unused_until_it_is_held(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    assert last_use(folder) == 0
    with unused(folder) as is_unused:
        assert is_unused
    hold(folder)
    hold(folder)
    assert last_use(folder) > 0
    with unused(folder) as is_unused:
        assert not is_unused
