"""The control object: what operators and sensors ask of a running job."""

from __future__ import annotations

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

    desired: DesiredState = DesiredState.RUN
    generation: int | None = None
    """The last generation that this asks something of; later ones, of a cleared task say, run. None: all of them."""
    replicas: ReplicaBounds | None = None
    """Bounds of the pool from now on; None: those of the spec."""
    paused: bool = False
    """Admit no further rows, end those in flight, give the engines back, and wait until this is false again."""
    paused_by: str | None = None
    """Root of the job that asked for the pause, which holds while that job lives; None: a person did."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Most output tokens of a row that begins from now on; it only ever shortens."""
    model: str | None = None
    """Address of the model that answers the rows that begin from now on (in the shards that have not begun, for a
    replica holds one model); None: the spec's."""
    reason: str = ""
    written_by: str = ""
    written_at: AwareDatetime | None = None

    def asks_of(self, generation: int) -> DesiredState:
        """Return what ``generation`` is to do. A drain of generation 2 leaves generation 3 running."""
        if self.generation is not None and generation > self.generation:
            return DesiredState.RUN
        return self.desired
