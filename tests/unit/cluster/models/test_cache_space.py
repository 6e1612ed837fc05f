"""Which models make room for a new one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmbatch.cluster.models.cache_space import BOUND_ENV, make_room
from llmbatch.cluster.models.lease import hold
from llmbatch.core.errors import ModelError

SIZE = 1000


def model(cache: Path, name: str, used_at: float) -> Path:
    folder = cache / name
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"x" * SIZE)
    lease = cache / f".{name}.lease"
    lease.touch()
    os.utime(lease, (used_at, used_at))
    return folder


@pytest.mark.parametrize(
    ("bound", "size", "left"),
    [(4000, 1000, "abc"), (3999, 1000, "bc"), (2000, 1000, "c"), (100, 1000, ""), (3000, 0, "abc")],
)
def test_the_least_recently_used_go_first_and_no_more_than_needed(
    cache: Path, monkeypatch: pytest.MonkeyPatch, bound: int, size: int, left: str
) -> None:
    for used_at, name in enumerate("abc", 1):
        model(cache, name, used_at)
    monkeypatch.setenv(BOUND_ENV, str(bound / 2**30))
    make_room(cache, size, keep=cache / "new")
    assert {path.name for path in cache.iterdir() if not path.name.startswith(".")} == set(left)


def test_the_place_of_the_model_that_arrives_is_not_counted_twice(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for used_at, name in enumerate(("new", "a", "b")):
        model(cache, name, used_at)
    monkeypatch.setenv(BOUND_ENV, str(3000 / 2**30))
    make_room(cache, SIZE, keep=cache / "new")
    assert {path.name for path in cache.iterdir() if not path.name.startswith(".")} == {"new", "a", "b"}


def test_a_model_in_use_stays_and_the_next_one_goes(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    oldest, newer = model(cache, "a", 1), model(cache, "b", 2)
    hold(oldest)
    os.utime(cache / ".a.lease", (1, 1))
    monkeypatch.setenv(BOUND_ENV, str(2000 / 2**30))
    make_room(cache, SIZE, keep=cache / "new")
    assert (oldest.exists(), newer.exists()) == (True, False)


def test_without_a_bound_the_cache_may_fill_half_of_the_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BOUND_ENV, raising=False)
    folder = model(cache, "a", 1)
    make_room(cache, SIZE, keep=cache / "new")
    assert folder.exists()
    make_room(cache, 10**18, keep=cache / "new")
    assert not folder.exists()


@pytest.mark.parametrize("text", ["much", "0", "-3", "nan"])
def test_a_bound_that_is_no_size_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    cache.mkdir()
    monkeypatch.setenv(BOUND_ENV, text)
    with pytest.raises(ModelError, match=f"{BOUND_ENV}='{text}'"):
        make_room(cache, SIZE, keep=cache / "new")


def test_what_a_dead_process_left_half_built_is_removed(cache: Path) -> None:
    for name in (".dead.partial", ".alive.partial"):
        (cache / name).mkdir(parents=True)
    hold(cache / "alive")
    make_room(cache, SIZE, keep=cache / "new")
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [".alive.partial"]
