"""What to remove from the jobs folder, and why. Pure: folders in, removals out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from llmbatch.core.config_sections import RetentionConfig
from llmbatch.orchestrator.jobs.folders import Amount, JobFolder


class Part(StrEnum):
    """The part of a job folder that is removed."""

    STAGED = "staged"
    """The input shards of a finished job; their list stays, so that a cleared task finds staging done."""
    LEFTOVERS = "leftovers"
    """Objects of dead generations: superseded claims, crash records, the probe."""
    FINISHED = "finished"
    """The whole folder of a finished job."""
    ABANDONED = "abandoned"
    """The whole folder of a job that never finished, except the claim that fences it off."""
    REMAINS = "remains"
    """What is left of a folder without request: that claim, or an interrupted removal."""

    @property
    def is_whole_job(self) -> bool:
        """Whether the whole job is removed."""
        return self in {Part.FINISHED, Part.ABANDONED}


@dataclass(frozen=True)
class Removal:
    """One thing to remove from one job, planned for the folder as it was at ``touched_at``."""

    job_id: str
    root: str
    part: Part
    amount: Amount
    reason: str
    touched_at: datetime

    def line(self) -> str:
        """Return one line for the log."""
        return (
            f"job_id={self.job_id} part={self.part.value} objects={self.amount.objects} bytes={self.amount.bytes} "
            f"because={self.reason!r}"
        )


def plan(folders: Iterable[JobFolder], limits: RetentionConfig, now: datetime) -> list[Removal]:
    """Return all removals. A finished job that an unfinished one retries, directly or not, is kept whole."""
    folders = list(folders)
    needed = frozenset[str]().union(*(folder.needs for folder in folders if folder.finished_at is None))
    return [
        removal for folder in folders for removal in _removals(folder, limits, now, is_needed=folder.job_id in needed)
    ]


def _removals(folder: JobFolder, limits: RetentionConfig, now: datetime, *, is_needed: bool) -> Iterator[Removal]:
    def removal(part: Part, amount: Amount, since: str, at: datetime) -> Removal:
        reason = f"{since} {(now - at) / timedelta(days=1):.1f} days ago"
        return Removal(folder.job_id, folder.root, part, amount, reason, folder.touched_at)

    touched = folder.touched_at
    if folder.finished_at is not None:
        finished = folder.finished_at
        if not is_needed and _is_past(finished, limits.jobs_days, now):
            yield removal(Part.FINISHED, folder.total, "finished", finished)
            return
        if not is_needed and folder.staged_shards.objects and _is_past(finished, limits.staged_days, now):
            yield removal(Part.STAGED, folder.staged_shards, "finished", finished)
    elif not folder.is_accepted:
        if _is_past(touched, limits.dead_generations_days, now):
            yield removal(Part.REMAINS, folder.total, "last touched", touched)
        return
    elif _is_past(max(touched, folder.deadline or touched), limits.jobs_days, now):
        yield removal(Part.ABANDONED, folder.total, "last sign of life", touched)
        return
    if folder.leftovers.objects and _is_past(touched, limits.dead_generations_days, now):
        yield removal(Part.LEFTOVERS, folder.leftovers, "last touched", touched)


def _is_past(at: datetime, days: int | None, now: datetime) -> bool:
    return days is not None and now - at >= timedelta(days=days)
