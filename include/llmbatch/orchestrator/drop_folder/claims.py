"""Which inputs have a job: one object for each, open until the input has left the inbox, then settled.

``drop/open/<id>.json`` is created before the job is started and freezes its request; ``drop/settled/<id>.json`` is
written before the open one is removed. So a claimed input is always in one of the two, and a scan that is ended between
any two steps is continued by the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue

from llmbatch.core.errors import ObjectExists, ObjectMissing
from llmbatch.core.layout import drop_uri
from llmbatch.core.read_ahead import in_order
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.core.stored import read_document, read_if_readable


class Outcome(StrEnum):
    """How an input ended."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    """No job was started."""


class Companion(BaseModel):
    """One version of an object that moves with the input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: str
    etag: str
    size: int

    @property
    def info(self) -> ObjectInfo:
        """The object as the store names it."""
        return ObjectInfo(self.uri, self.etag, self.size)


class Claim(BaseModel):
    """One input and its job.

    ``source``, ``etag``, ``size``, ``modified`` and ``companions`` are those of ``inbox.Drop``. ``attempt`` counts jobs
    of the input: an input that failed and was dropped again gets another one. ``conf`` is that of the DAG run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    drop_id: str
    attempt: int = 1
    run_id: str
    job_id: str
    inbox: str
    source: str
    etag: str
    size: int
    modified: AwareDatetime
    companions: tuple[Companion, ...] = ()
    conf: dict[str, JsonValue] = {}
    claimed_at: AwareDatetime
    is_started: bool = False
    outcome: Outcome | None = None
    reason: str = ""
    settled_at: AwareDatetime | None = None

    @property
    def is_folder(self) -> bool:
        """Whether the input is a folder."""
        return self.source.endswith("/")


class OpenClaim(BaseModel):
    """A claim as it is in the store, with the ETag to replace it by."""

    model_config = ConfigDict(frozen=True)

    claim: Claim
    etag: str


class Claims:
    """The claims of a deployment.

    Args:
        base_uri: ``store.base_uri``.
        store: the object store.
    """

    def __init__(self, base_uri: str, store: ObjectStore) -> None:
        self._folder, self._store = drop_uri(base_uri), store

    @property
    def open_folder(self) -> str:
        """Folder of the open claims."""
        return f"{self._folder}open/"

    def open(self) -> Iterator[OpenClaim]:
        """Yield the open claims that can be read; one that cannot is logged.

        Raises:
            StoreError: the store failed.
        """
        infos = [info for info in self._store.list(self.open_folder) if info.uri.endswith(".json")]
        bodies = in_order(self._read, infos, in_flight=64, name="drop-claims")
        yield from (OpenClaim(claim=claim, etag=info.etag) for info, claim in zip(infos, bodies, strict=True) if claim)

    def create(self, claim: Claim) -> OpenClaim | None:
        """Write a claim; None if another scan has claimed the input.

        Raises:
            StoreError: the store failed.
        """
        try:
            info = self._store.create(self._open(claim), _body(claim))
        except ObjectExists:
            return None
        return OpenClaim(claim=claim, etag=info.etag)

    def update(self, old: OpenClaim, new: Claim) -> OpenClaim:
        """Replace a claim.

        Raises:
            ObjectChanged: another scan has changed it.
            ObjectMissing: another scan has settled it.
            StoreError: the store failed.
        """
        return OpenClaim(claim=new, etag=self._store.replace(self._open(new), _body(new), old.etag).etag)

    def settled(self, drop_id: str) -> Claim | None:
        """Return the last job of an input that has left its inbox, None if there was none.

        Raises:
            StoreError: the store failed.
        """
        try:
            return read_document(Claim, self._store.get(self._settled(drop_id)))
        except ObjectMissing:
            return None

    def settle(self, claim: Claim) -> None:
        """Close a claim whose input has left the inbox. A refused input is forgotten: it had no job.

        Raises:
            StoreError: the store failed.
        """
        if claim.outcome is not Outcome.REFUSED:
            self._store.put(self._settled(claim.drop_id), _body(claim))
        self._store.delete(self._open(claim))

    def _read(self, info: ObjectInfo) -> Claim | None:
        return read_if_readable(Claim, info.uri, self._store)

    def _open(self, claim: Claim) -> str:
        return f"{self.open_folder}{claim.drop_id}.json"

    def _settled(self, drop_id: str) -> str:
        return f"{self._folder}settled/{drop_id}.json"


def _body(claim: Claim) -> bytes:
    return claim.model_dump_json(indent=2).encode()
