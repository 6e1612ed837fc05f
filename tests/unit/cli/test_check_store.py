from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import pytest

from llmbatch.cli.check_store import checks, main, run
from llmbatch.core.errors import ObjectExists, StoreDenied
from llmbatch.core.store import MemoryStore, ObjectInfo

FOLDER = "s3://bucket/check/"


class Sound(MemoryStore):
    """Conditions and writes are one step, as in a store that keeps them."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        with self.lock:
            return super().create(uri, body)

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        with self.lock:
            return super().replace(uri, body, etag)


class IgnoresCreate(Sound):
    def create(self, uri: str, body: bytes) -> ObjectInfo:
        return self.put(uri, body)


class IgnoresReplace(Sound):
    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        return self.put(uri, body)


class ReplacesWhatIsAbsent(Sound):
    """As MinIO before September 2025."""

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        return self.put(uri, body) if uri not in self.objects else super().replace(uri, body, etag)


class IgnoresDelete(Sound):
    def delete_version(self, uri: str, etag: str) -> None:
        self.delete(uri)
        self.put(uri, b"one")


class ReadsAnyVersion(Sound):
    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        return self.get(uri)[start : start + length]


class ListsLate(Sound):
    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        yield from (info for info in super().list(prefix) if not info.uri.endswith("list/00"))


class LooksFirst(Sound):
    """Looks, then writes, as SeaweedFS 4.16 did: two that begin together both win."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = threading.Barrier(2)

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        if uri in self.objects:
            raise ObjectExists(uri)
        self.looked.wait()
        return self.put(uri, body)


@pytest.mark.parametrize(
    ("store", "wrong"),
    [
        (Sound, set()),
        (IgnoresCreate, {"create where an object is", "content after all that", "create at once"}),
        (
            IgnoresReplace,
            {"replace another version", "replace what is not there", "content after all that", "replace at once"},
        ),
        (ReplacesWhatIsAbsent, {"replace what is not there"}),
        (ReadsAnyVersion, {"read another version"}),
        (IgnoresDelete, {"delete another version"}),
        (ListsLate, {"list what was just written, in order"}),
        (LooksFirst, {"create at once"}),
    ],
)  # fmt: skip
def test_what_a_store_does_wrong(store: type[MemoryStore], wrong: set[str]) -> None:
    lines = list(checks(store(), FOLDER, rounds=3, writers=2))
    assert {line.name for line in lines if line.wrong} == wrong
    assert len(lines) == 9


def test_what_was_written_is_removed(capsys: pytest.CaptureFixture[str]) -> None:
    store = Sound()
    store.put("s3://bucket/check/of-another", b"stays")
    assert run(store, "s3://bucket/check", rounds=2, writers=2) == 0
    assert [*store.objects] == ["s3://bucket/check/of-another"]
    assert capsys.readouterr().out.count("ok   ") == 9
    broken = IgnoresCreate()
    assert run(broken, FOLDER, rounds=2, writers=2) == 1
    assert broken.objects == {}
    assert "WRONG create at once: in 2 of 2 rounds not exactly one of 2 writers won" in capsys.readouterr().out


def test_a_store_that_refuses_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    class Closed(Sound):
        def put(self, uri: str, body: bytes) -> ObjectInfo:
            raise StoreDenied(f"{uri}: access denied")

    assert run(Closed(), FOLDER, rounds=1, writers=2) == 1
    assert "access denied" in capsys.readouterr().err


def test_a_key_that_may_not_delete_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    class WriteOnly(Sound):
        def delete_version(self, uri: str, etag: str) -> None:
            raise StoreDenied(f"{uri}: access denied")

        def delete_many(self, uris: Iterable[str]) -> None:
            raise StoreDenied("access denied")

    store = WriteOnly()
    assert run(store, FOLDER, rounds=1, writers=2) == 0
    out = capsys.readouterr().out
    assert "-     delete another version: this key may not delete" in out
    assert f"{FOLDER}" in out
    assert store.objects


def test_the_store_of_a_connection(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    opened: list[str] = []

    def open_store(conn_id: str, note: object) -> Sound:
        opened.append(conn_id)
        return Sound()

    monkeypatch.setattr("llmbatch.orchestrator.deployment.store.open_store", open_store)
    monkeypatch.setattr("llmbatch.cli.check_store.open_environment_store", lambda **_: IgnoresCreate())
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    assert main([FOLDER, "--rounds", "1", "--conn-id", "of-the-store"]) == 0
    assert opened == ["of-the-store"]
    assert main([FOLDER, "--rounds", "1"]) == 1
    assert "WRONG create where an object is" in capsys.readouterr().out


def test_its_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "exactly-once" in capsys.readouterr().out
