"""The records of automatic reactions that keep a job's deadline."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from llmbatch.core.errors import ObjectExists
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable


class ReactionKind(StrEnum):
    """Steps in the order in which they are tried, then the way back, then what another job's steps did to this one."""

    REPLICAS = "replicas"
    PAUSE = "pause"
    MAX_TOKENS = "max_tokens"
    MODEL = "model"
    RESUME = "resume"
    PAUSED = "paused"
    RESUMED = "resumed"


_HELP = frozenset({ReactionKind.REPLICAS, ReactionKind.PAUSE, ReactionKind.MAX_TOKENS, ReactionKind.MODEL})
_OTHER_ANSWERS = frozenset({ReactionKind.MAX_TOKENS, ReactionKind.MODEL})


class Reaction(BaseModel):
    """``reactions/<number>.json``; create-only.

    ``from`` and ``to`` are texts: counts of replicas, limits in tokens, addresses of models. In ``pause`` and
    ``resume`` ``to`` is the root of the other job; in ``paused`` and ``resumed`` (records of that other job) ``from``
    is the root of the job that caused it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)

    schema_version: int = 1
    kind: ReactionKind
    number: int
    at: AwareDatetime
    was: str = Field(alias="from", default="")
    to: str = ""
    why: str = ""

    @property
    def helps(self) -> bool:
        """Whether it is a step for this job: no resume, and no pause for the sake of another job."""
        return self.kind in _HELP

    @property
    def changes_answers(self) -> bool:
        """Whether later answers are shorter or come from another model."""
        return self.kind in _OTHER_ANSWERS


@dataclass(frozen=True)
class ReactionLog:
    """The records of a job in their order. ``next_number`` follows that of all records, unreadable ones included."""

    reactions: tuple[Reaction, ...]
    next_number: int


class ReactionRecords:
    """The records of one job, as one process knows them: listed once, then remembered.

    Another process may add records that this one does not know. It then fails to create the next one, because the
    number is taken, and lists again at the next read.
    """

    def __init__(self, store: ObjectStore, layout: JobLayout) -> None:
        self._store, self._layout = store, layout
        self._known: ReactionLog | None = None

    def read(self) -> ReactionLog:
        """Return the known records. Raises ``StoreError``."""
        if self._known is None:
            self._known = reaction_log(self._store, self._layout)
        return self._known

    def refresh(self) -> ReactionLog:
        """List the records again and return them. Raises ``StoreError``."""
        self._known = None
        return self.read()

    def create(self, reaction: Reaction) -> bool:
        """Write a record of the next number; return False if another process has written one of that number.

        Raises:
            StoreError: the store failed; the next read lists again, because the record may have been written.
        """
        known, self._known = self.read(), None
        try:
            create_reaction(self._store, self._layout, reaction)
        except ObjectExists:
            return False
        self._known = ReactionLog((*known.reactions, reaction), reaction.number + 1)
        return True


def create_reaction(store: ObjectStore, layout: JobLayout, reaction: Reaction) -> None:
    """Write a record.

    Raises:
        ObjectExists: another process has written a record of that number.
        StoreError: the store failed.
    """
    store.create(layout.reaction(reaction.number), reaction.model_dump_json().encode())


def reaction_log(store: ObjectStore, layout: JobLayout) -> ReactionLog:
    """Return the job's records. An unreadable one, say of a later version, is logged. Raises ``StoreError``."""
    numbered = {info.uri: layout.reaction_of(info.uri) for info in store.list(layout.reactions)}
    numbers = {uri: number for uri, number in numbered.items() if number is not None}
    found = [reaction for uri in numbers if (reaction := read_if_readable(Reaction, uri, store)) is not None]
    in_order = tuple(sorted(found, key=lambda reaction: reaction.number))
    return ReactionLog(in_order, max(numbers.values(), default=0) + 1)


def read_reactions(store: ObjectStore, layout: JobLayout) -> tuple[Reaction, ...]:
    """Return the job's readable reactions in their order. Raises ``StoreError``."""
    return reaction_log(store, layout).reactions
