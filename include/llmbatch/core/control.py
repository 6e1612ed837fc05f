"""The control object: what operators and sensors ask of a running job."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.states import DesiredState


class Control(BaseModel):
    """``control.json``. An absent object means: run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    desired: DesiredState = DesiredState.RUN
    reason: str = ""
    written_by: str = ""
    written_at: AwareDatetime | None = None
