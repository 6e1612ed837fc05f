"""What a reader of the page asks for, as it is in the page's address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

SORT_PATTERN: Final = "^-?(deadline|start|progress|level)$"
DEFAULT_SORT: Final = "-level"
"""The jobs that need a person come first."""
SORTS: Final = {
    "-level": "Worst level first",
    "level": "Best level first",
    "deadline": "Earliest deadline first",
    "-deadline": "Latest deadline first",
    "-start": "Latest start first",
    "start": "Earliest start first",
    "-progress": "Most progress first",
    "progress": "Least progress first",
}
"""Every order in words."""


class Shown(StrEnum):
    """Which jobs are shown, by their state."""

    OPEN = "open"
    RUNNING = "running"
    QUEUED = "queued"
    AT_RISK = "at_risk"
    FINISHED = "finished"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def label(self) -> str:
        """Words for a person."""
        return _LABELS[self]

    @property
    def is_open(self) -> bool:
        """Whether these jobs are not over."""
        return self in _OPEN


_OPEN: Final = {Shown.OPEN, Shown.RUNNING, Shown.QUEUED, Shown.AT_RISK}
_LABELS: Final = {
    Shown.OPEN: "Running and queued",
    Shown.RUNNING: "Running",
    Shown.QUEUED: "Queued",
    Shown.AT_RISK: "At risk",
    Shown.FINISHED: "Over",
    Shown.SUCCEEDED: "Succeeded",
    Shown.FAILED: "Failed",
}


class SortKey(StrEnum):
    """By what the open jobs can be ordered."""

    DEADLINE = "deadline"
    START = "start"
    PROGRESS = "progress"
    LEVEL = "level"


_DESCENDING_FIRST: Final = {SortKey.START, SortKey.PROGRESS, SortKey.LEVEL}


@dataclass(frozen=True)
class JobQuery:
    """Filters and order. All filters must hold.

    Attributes:
        state: which jobs; None: all.
        owner: the whole name.
        model: the whole name.
        text: a part of the job id, run id, model, owner or input, in any case of letters.
        sort: a ``SortKey``, after ``-`` if the largest, latest or worst is first. Jobs that are over are always ordered
            by time, the newest first.
        after: of jobs that are over, only those that were started before this run.
    """

    state: Shown | None = None
    owner: str | None = None
    model: str | None = None
    text: str | None = None
    sort: str = DEFAULT_SORT
    after: str | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether some jobs may be left out."""
        return any((self.state, self.owner, self.model, self.text))

    @property
    def has_open(self) -> bool:
        """Whether jobs that are not over are asked for."""
        return self.state is None or self.state.is_open

    @property
    def over_states(self) -> tuple[str, ...]:
        """Airflow's states of the jobs that are over and asked for."""
        if self.state is Shown.SUCCEEDED:
            return ("success",)
        if self.state is Shown.FAILED:
            return ("failed",)
        return () if self.state is not None and self.state.is_open else ("success", "failed")

    def address(self, **changes: str | None) -> str:
        """Return this query, with changes, as the end of an address: ``?owner=ann``, or nothing."""
        changed = replace(self, **changes)  # type: ignore[arg-type]  # names and types are those of the fields
        pairs = {
            "state": changed.state,
            "owner": changed.owner,
            "model": changed.model,
            "text": changed.text,
            "sort": None if changed.sort == DEFAULT_SORT else changed.sort,
            "after": changed.after,
        }
        found = urlencode({name: value for name, value in pairs.items() if value})
        return f"?{found}" if found else ""

    @property
    def key(self) -> SortKey:
        """By what the open jobs are ordered."""
        return SortKey(self.sort.removeprefix("-"))

    @property
    def is_descending(self) -> bool:
        """Whether the largest, latest or worst is first."""
        return self.sort.startswith("-")

    def next_sort(self, key: str) -> str:
        """Return the order that the button of a column asks for, empty for the usual one.

        It is the other direction of a column that orders already.
        """
        goes_down = not self.is_descending if self.key == key else SortKey(key) in _DESCENDING_FIRST
        found = f"-{key}" if goes_down else key
        return "" if found == DEFAULT_SORT else found

    def aria_sort(self, key: str) -> str:
        """Return the value of ``aria-sort`` of a column."""
        if self.key != key:
            return "none"
        return "descending" if self.is_descending else "ascending"

    def matches(self, *, owner: str, model: str, texts: tuple[str, ...]) -> bool:
        """Whether a job passes the filters of owner, model and text.

        Args:
            owner: of the job.
            model: of the job.
            texts: its ids and its input; they are searched besides the owner and the model.
        """
        if self.owner not in (None, owner) or self.model not in (None, model):
            return False
        return self.text is None or any(self.text.casefold() in each.casefold() for each in (owner, model, *texts))
