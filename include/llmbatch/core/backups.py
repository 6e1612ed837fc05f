"""Records of backups: one small object for each complete copy of a folder ``jobs/``, beside that folder."""

from __future__ import annotations

from datetime import UTC

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable

MOST = 60
"""Records that are read: two months of daily backups."""

_JOBS = "/jobs/"


class BackupRecord(BaseModel):
    """One complete copy; each of its objects was compared with its source.

    Attributes:
        objects: objects in the folder, those that the target already had included; ``bytes`` is their size.
        copied: objects that were missing or different in the target.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    finished_at: AwareDatetime
    target: str
    objects: int
    bytes: int
    copied: int


def backups_uri(base: str) -> str:
    """Return the folder under ``base`` with the records."""
    return f"{base.rstrip('/')}/backups/"


def note_backup(source: str, record: BackupRecord, store: ObjectStore) -> bool:
    """Write a record if ``source`` is a whole folder ``<base>/jobs/``; return whether it is one.

    Raises:
        StoreError: the store failed.
    """
    folder = f"{source.rstrip('/')}/"
    if not folder.endswith(_JOBS):
        return False
    name = record.finished_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ.json")
    store.put(f"{backups_uri(folder.removesuffix(_JOBS))}{name}", record.model_dump_json().encode())
    return True


def read_backups(base: str, store: ObjectStore) -> tuple[BackupRecord, ...]:
    """Return the newest ``MOST`` records, the newest last. Costs one request for each, and one for their list.

    Raises:
        StoreError: the store failed.
    """
    uris = [info.uri for info in store.list(backups_uri(base))][-MOST:]
    found = (read_if_readable(BackupRecord, uri, store) for uri in uris)
    return tuple(record for record in found if record is not None)
