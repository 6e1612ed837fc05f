"""Records of backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.backups import MOST, BackupRecord, backups_uri, note_backup, read_backups
from llmbatch.core.store import MemoryStore

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def record(days: float = 0.0, size: int = 10) -> BackupRecord:
    return BackupRecord(
        finished_at=NOW + timedelta(days=days), target="s3://safe/jobs/", objects=1, bytes=size, copied=1
    )


@pytest.mark.parametrize("source", ["s3://b/base/jobs/", "s3://b/base/jobs"])
def test_a_whole_folder_of_jobs_is_noted_beside_it(source: str) -> None:
    store = MemoryStore()
    assert note_backup(source, record(), store)
    assert list(store.objects) == ["s3://b/base/backups/20300101T000000Z.json"]
    assert read_backups("s3://b/base/", store) == (record(),)


@pytest.mark.parametrize("source", ["s3://b/base/jobs/job-1/", "s3://b/base/", "s3://b/base/index/"])
def test_another_folder_is_not(source: str) -> None:
    store = MemoryStore()
    assert not note_backup(source, record(), store)
    assert store.objects == {}


def test_the_newest_are_read_and_unreadable_ones_skipped() -> None:
    store = MemoryStore()
    for day in range(MOST + 2):
        note_backup("s3://b/base/jobs/", record(day), store)
    store.put(f"{backups_uri('s3://b/base')}29990101T000000Z.json", b"{}")
    found = read_backups("s3://b/base", store)
    assert (found[0], found[-1], len(found)) == (record(3), record(MOST + 1), MOST - 1)
