"""What was done by itself to keep a job's deadline."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore


class ReactionKind(StrEnum):
    """Steps in the order in which they are tried, then the way back, then how another job's step looks from here."""

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
    is the root of the job that did it.
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
        """Whether it was done for this job; that the job was paused for another one is no help."""
        return self.kind in _HELP

    @property
    def changes_answers(self) -> bool:
        """Whether answers after it are shorter or another model's."""
        return self.kind in _OTHER_ANSWERS


def read_reactions(store: ObjectStore, layout: JobLayout) -> tuple[Reaction, ...]:
    """Return the job's reactions in their order. Raises ``StoreError``."""
    uris = [info.uri for info in store.list(layout.reactions) if info.uri.endswith(".json")]
    found = [Reaction.model_validate_json(store.get(uri)) for uri in uris]
    return tuple(sorted(found, key=lambda reaction: reaction.number))
