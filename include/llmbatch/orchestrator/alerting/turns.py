"""Whose turn it is to send one alert to one sink, and when the next try is due: one small object each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.errors import InputChanged, ObjectChanged, ObjectExists, ObjectMissing
from llmbatch.core.store import ObjectStore

MOST_TRIES = 60
"""With the pauses below about an hour."""
SENDING = timedelta(seconds=60)
"""How long others keep away from an alert that one process sends; after its crash the next one takes over."""
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 60.0


class _Tries(BaseModel):
    """Body of the object: tries so far, the running one included, and from when on the next may begin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
        """Whether there is no further try."""
        return self.number >= MOST_TRIES

    @property
    def pause(self) -> timedelta:
        """Time until the next try: 5, 10, 20, 40, then 60 s."""
        return timedelta(seconds=min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self.number - 1, 10)))


def take_turn(store: ObjectStore, uri: str, now: datetime) -> Turn | None:
    """Take the right to send; None if another process has it or the next try is not due. Raises ``StoreError``."""
    try:
        info = store.head(uri)
        with store.open_stream(uri, info.etag) as stream:
            last = _Tries.model_validate_json(stream.read())
    except ObjectMissing:
        number, etag = 1, None
    except InputChanged:
        return None
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
    """Let the next try begin after the pause, whoever makes it. Raises ``StoreError``."""
    body = _Tries(tries=turn.number, not_before=now + turn.pause).model_dump_json().encode()
    try:
        store.replace(turn.uri, body, turn.etag)
    except (ObjectChanged, ObjectMissing):
        return  # this try took so long that another process has taken over
