"""``service.json``: whether the service admits jobs, and the jobs that its shutdown drained."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Service(BaseModel):
    """The state of the whole service. An absent object means: it admits jobs.

    Attributes:
        admitting: whether jobs are accepted. While it is false, the task ``accept`` of every run waits.
        reason: why admission was stopped or resumed.
        by: user who did it.
        at: when.
        drained: ids of jobs that a shutdown drained and no resume has continued yet.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    admitting: bool = True
    reason: str = ""
    by: str = ""
    at: AwareDatetime | None = None
    drained: tuple[str, ...] = ()
