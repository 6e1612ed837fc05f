"""The backup from the command line."""

from __future__ import annotations

import json

import pytest

from llmbatch.cli import backup as command
from llmbatch.cli.backup import main
from llmbatch.core.backups import read_backups
from llmbatch.core.errors import StoreError
from llmbatch.core.store import MemoryStore, ObjectInfo

FROM, TO = "s3://b/jobs/", "s3://safe/jobs/"


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for name in ("j1/spec.json", "j2/manifest.json", "j2/spec.json"):
        store.put(FROM + name, f"body of {name}".encode())
    return store


def test_command_line(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "open_environment_store", lambda: store)
    assert main([f"{FROM}j2/", f"{TO}j2/"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(last.removeprefix("RESULT ")) == {"objects": 2, "bytes": 44, "copied": 2, "skipped": 0}
    assert main(["s3://b/nothing", TO]) == 1
    assert "there is nothing under" in capsys.readouterr().err


def test_a_backup_of_all_jobs_is_on_record(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "open_environment_store", lambda: store)
    assert main([f"{FROM}j2/", f"{TO}j2/"]) == 0
    assert read_backups("s3://b", store) == (), "a part of the jobs is no backup of all"
    assert main([FROM, TO]) == 0
    (record,) = read_backups("s3://b", store)
    assert (record.target, record.objects, record.copied) == (TO, 3, 1)


def test_only_a_backup_of_all_jobs_is_counted(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[str, str]] = []
    monkeypatch.setattr(command, "open_environment_store", lambda: store)
    monkeypatch.setattr(command, "count", lambda metric, result: counted.append((metric.name, result)))
    assert [main([f"{FROM}j2/", f"{TO}j2/"]), main([FROM, TO]), main(["s3://b/nothing", TO])] == [0, 0, 1]
    assert counted == [("llmbatch_backups_total", "ok"), ("llmbatch_backups_total", "failed")]


def test_a_restore_needs_no_right_to_write_beside_the_backup(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(uri: str, body: bytes) -> ObjectInfo:
        raise StoreError("denied")

    monkeypatch.setattr(command, "open_environment_store", lambda: store)
    put = store.put
    monkeypatch.setattr(store, "put", lambda uri, body: refuse(uri, body) if "/backups/" in uri else put(uri, body))
    assert main([FROM, TO]) == 0
    done = capsys.readouterr()
    assert done.err == "The copy is complete, but its record was not written: denied\n"
    assert done.out.startswith("RESULT ")
