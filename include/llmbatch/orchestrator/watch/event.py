"""The flat event that ends a watch."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from llmbatch.core.states import Phase


class WatchReason(StrEnum):
    """Why ``EtaTrigger`` stopped watching."""

    PHASE_DONE = "phase_done"
    RUN_ENDED = "run_ended"


class WatchEvent(BaseModel):
    """The end of a watch: the last phase (null if the job wrote no heartbeat) and the state of the run task."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: str
    reason: WatchReason
    phase: Phase | None = None
    run_state: str | None = None
