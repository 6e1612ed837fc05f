"""The documents of a user's batches. A batch is a run of ``llmbatch_inference``; its state is not stored here.

The record is written before the run is started, create-only. If the gateway dies in between, the next request that
reads the record starts the run.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from llmbatch.core.batch_errors import BatchError
from llmbatch.core.gateway_layout import batches_uri
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.core.stored import read_if_readable
from llmbatch.gateway.openai.batch_order import BatchOrder
from llmbatch.gateway.wire.failures import Failure

REPEATED_WITHIN = timedelta(seconds=60)
"""A request that an SDK marks as a retry finds an equal batch that is at most so old."""

_BATCH_ID = re.compile(r"batch_[0-9a-f]{16}", re.ASCII)


class BatchRecord(BaseModel):
    """What a batch was created with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    id: Annotated[str, Field(pattern=rf"^{_BATCH_ID.pattern}$")]
    run_id: str
    created_at: AwareDatetime
    order: BatchOrder
    input_uri: str | None
    """Address of the file's content; null: there is no such file, and the batch has failed."""
    refusal: BatchError | None = None
    """Why no run is started."""

    @property
    def expires_at(self) -> datetime:
        """The deadline: the end of the completion window, or before."""
        return self.created_at + timedelta(hours=self.order.sla_hours)

    def layout(self, base: str) -> JobLayout:
        """Return the folder of the batch's job."""
        return JobLayout.of(base, job_id_of(INFERENCE_DAG, self.run_id))

    def conf(self) -> dict[str, JsonValue]:
        """Return the request of the batch's job. All of its rows may fail, as in OpenAI's API."""
        return {
            "input_uri": self.input_uri,
            "input_format": "openai_batch",
            "batch_endpoint": self.order.endpoint.value,
            "output_format": "openai_batch",
            "sla_hours": self.order.sla_hours,
            "priority": self.order.priority,
            "on_deadline": "expire",
            "on_cancel": "deliver",
            "max_error_rate": 1,
        }


def new_run_id(now: datetime, owner: str, key: str | None) -> str:
    """Return the run id of a new batch, always the same one for an idempotency key of a user."""
    if key is None:
        return f"api__{now:%Y-%m-%dT%H:%M:%S}__{secrets.token_hex(4)}"
    return f"key__{hashlib.sha256(json.dumps([owner, 'batch', key]).encode()).hexdigest()[:32]}"


def batch_id_of(run_id: str) -> str:
    """Return ``batch_`` and the digits of the job's id."""
    return f"batch_{job_id_of(INFERENCE_DAG, run_id).removeprefix('job-')}"


def record_uri(base: str, owner: str, batch_id: str) -> str:
    """Return the address of the record of a user's batch."""
    return f"{batches_uri(base, owner)}{batch_id}.json"


def owned_record(store: ObjectStore, base: str, owner: str, batch_id: str) -> BatchRecord:
    """Return the record of a user's batch.

    Raises:
        Failure: 404 for a batch that does not exist or is another user's.
        StoreError: the store failed.
    """
    record = None
    if _BATCH_ID.fullmatch(batch_id):
        record = read_if_readable(BatchRecord, record_uri(base, owner, batch_id), store)
    if record is None or record.id != batch_id:
        raise Failure(404, f"No batch found with id '{shown(batch_id, 100)}'.")
    return record


def output_seconds(store: ObjectStore, base: str, owner: str, job_id: str) -> int | None:
    """Return the seconds after which the files of a user's batch expire, from when they are made; None: not chosen.

    Raises:
        StoreError: the store failed.
    """
    uri = record_uri(base, owner, f"batch_{job_id.removeprefix('job-')}")
    record = read_if_readable(BatchRecord, uri, store)
    expiry = None if record is None else record.order.output_expires_after
    return None if expiry is None else expiry.seconds


def newest_first(store: ObjectStore, base: str, owner: str) -> list[ObjectInfo]:
    """Return the objects of all records of a user, the newest first.

    Raises:
        StoreError: the store failed.
    """

    def age(info: ObjectInfo) -> tuple[float, str]:
        return (0.0 if info.modified is None else info.modified.timestamp(), info.uri)

    return sorted(store.list(batches_uri(base, owner)), key=age, reverse=True)


def page_of(infos: list[ObjectInfo], after: str | None, limit: int) -> tuple[list[ObjectInfo], bool]:
    """Return up to ``limit`` objects after that of the batch ``after``, and whether more follow.

    An unknown ``after`` gives an empty page: the first one would send a client in circles.
    """
    start = 0
    if after is not None:
        places = [place for place, info in enumerate(infos) if info.uri.endswith(f"/{after}.json")]
        start = places[0] + 1 if places else len(infos)
    return infos[start : start + limit], limit > 0 and len(infos) > start + limit


def repeated(store: ObjectStore, base: str, owner: str, order: BatchOrder, now: datetime) -> BatchRecord | None:
    """Return the newest batch with an equal order, if it was created a moment ago.

    Raises:
        StoreError: the store failed.
    """
    since = now - REPEATED_WITHIN
    return next((record for record in _since(store, base, owner, since) if record.order == order), None)


def _since(store: ObjectStore, base: str, owner: str, since: datetime) -> Iterator[BatchRecord]:
    for info in newest_first(store, base, owner):
        record = read_if_readable(BatchRecord, info.uri, store)
        if record is not None and record.created_at < since:
            return
        if record is not None:
            yield record
