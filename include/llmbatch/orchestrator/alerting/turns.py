"""Which process may send an alert to a sink, and when the next attempt is due: one small object for each pair."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from llmbatch.core.errors import InputChanged, ObjectChanged, ObjectExists, ObjectMissing
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document, report_unreadable

MOST_TRIES = 60
"""Attempts before an alert is abandoned: about an hour with the pauses below."""
SENDING = timedelta(seconds=60)
"""Time for which one process alone may send an alert; if it crashes, another one takes over afterwards."""
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 60.0


class _Tries(BaseModel):
    """Body of the object: attempts including the current one, and when the next may begin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    tries: int
    not_before: AwareDatetime


@dataclass(frozen=True)
class Turn:
    """The right to send now. ``number`` counts from 1."""

    uri: str
    number: int
    etag: str

    @property
    def is_last(self) -> bool:
        """Whether this is the last attempt."""
        return self.number >= MOST_TRIES

    @property
    def pause(self) -> timedelta:
        """Time until the next attempt: 5, 10, 20, 40, then 60 s."""
        return timedelta(seconds=min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self.number - 1, 10)))


def take_turn(store: ObjectStore, uri: str, now: datetime) -> Turn | None:
    """Take the right to send; None if another process has it or the next attempt is not due. Raises ``StoreError``."""
    try:
        info = store.head(uri)
        with store.open_stream(uri, info.etag) as stream:
            last = read_document(_Tries, stream.read())
    except ObjectMissing:
        number, etag = 1, None
    except InputChanged:
        return None
    except ValidationError as error:
        report_unreadable(uri, error.error_count())
        number, etag = 1, info.etag  # counted anew: otherwise the alert would wait for ever
    else:
        if now < last.not_before:
            return None
        number, etag = last.tries + 1, info.etag
    body = _Tries(tries=number, not_before=now + SENDING).model_dump_json().encode()
    try:
        written = store.create(uri, body) if etag is None else store.replace(uri, body, etag)
    except (ObjectExists, ObjectChanged, ObjectMissing):
        return None
    return Turn(uri, number, written.etag)


def put_off(store: ObjectStore, turn: Turn, now: datetime) -> None:
    """Allow the next attempt, by any process, after the pause. Raises ``StoreError``."""
    body = _Tries(tries=turn.number, not_before=now + turn.pause).model_dump_json().encode()
    try:
        store.replace(turn.uri, body, turn.etag)
    except (ObjectChanged, ObjectMissing):
        return  # this attempt took so long that another process has taken over
