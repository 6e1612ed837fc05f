"""The control object: the requests of users and reactions to a running job."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from llmbatch.core.states import DesiredState


class ReplicaBounds(BaseModel):
    """How many replicas a running job may have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: Annotated[int, Field(ge=1)]
    max: Annotated[int, Field(ge=1)]


class Control(BaseModel):
    """``control.json``. An absent object means: run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    desired: DesiredState = DesiredState.RUN
    generation: int | None = None
    """The last generation to which the request applies; later ones, as after a cleared task, run. None: all of them."""
    shutdown: bool = False
    """Whether the drain is part of a shutdown of the service: it applies to all generations, and a resume ends it."""
    replicas: ReplicaBounds | None = None
    """Bounds of the pool from now on; None: those of the spec."""
    paused: bool = False
    """Admit no further rows, finish those in flight, release the engines, and wait until this is false."""
    paused_by: str | None = None
    """Root of the job that requested the pause, which ends with that job; None: a user requested it."""
    paused_until: AwareDatetime | None = None
    """When the pause ends at the latest: the deadline of the job in ``paused_by``; None: at no fixed time."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Limit of the output tokens of rows that start from now on; it only shortens answers."""
    model: str | None = None
    """Address of the model that answers the rows that begin from now on (in the shards that have not begun, for a
    replica holds one model); None: the spec's."""
    reason: str = ""
    written_by: str = ""
    written_at: AwareDatetime | None = None

    def asks_of(self, generation: int) -> DesiredState:
        """Return the state requested of ``generation``. A drain of generation 2 does not apply to generation 3."""
        if self.generation is not None and generation > self.generation:
            return DesiredState.RUN
        return self.desired

    def is_paused(self, now: datetime) -> bool:
        """Whether the job is to pause and the time of the pause is not over."""
        return self.paused and (self.paused_until is None or now < self.paused_until)
