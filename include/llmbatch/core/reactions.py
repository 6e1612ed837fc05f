"""The records of automatic reactions that keep a job's deadline."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore


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


def next_number(done: Sequence[Reaction]) -> int:
    """Return the number after that of the last record in order; 1 for the first."""
    return done[-1].number + 1 if done else 1


def create_reaction(store: ObjectStore, layout: JobLayout, reaction: Reaction) -> None:
    """Write a record.

    Raises:
        ObjectExists: another process has written a record of that number.
        StoreError: the store failed.
    """
    store.create(layout.reaction(reaction.number), reaction.model_dump_json().encode())


def read_reactions(store: ObjectStore, layout: JobLayout) -> tuple[Reaction, ...]:
    """Return the job's reactions in their order. Raises ``StoreError``."""
    uris = [info.uri for info in store.list(layout.reactions) if info.uri.endswith(".json")]
    found = [Reaction.model_validate_json(store.get(uri)) for uri in uris]
    return tuple(sorted(found, key=lambda reaction: reaction.number))
