"""The control object: what operators and sensors ask of a running job."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.states import DesiredState


class Control(BaseModel):
    """``control.json``. An absent object means: run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    desired: DesiredState = DesiredState.RUN
    generation: int | None = None
    """The last generation that this asks something of; later ones, of a cleared task say, run. None: all of them."""
    reason: str = ""
    written_by: str = ""
    written_at: AwareDatetime | None = None

    def asks_of(self, generation: int) -> DesiredState:
        """Return what ``generation`` is to do. A drain of generation 2 leaves generation 3 running."""
        if self.generation is not None and generation > self.generation:
            return DesiredState.RUN
        return self.desired
