"""Which rows to suspect after engines have crashed, and which one is proved to be the poison.

An engine that crashes loses all its rows, and which of them caused the crash is unknown. Every crash leaves a record of
the rows that were inside. A row that was inside twice is run in a small group, then alone; a row that crashes an engine
alone is poison. Crashes that a poison row explains do not count against other rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, ConfigDict

FREE_CRASHES = 1
"""Crashes that a row may have been inside of and still run among all others: engines also crash for other reasons."""

GROUP_ROWS = 16
"""Rows that are run together after that; those that crash again are run alone."""


class Crash(BaseModel):
    """One crash of an engine: ``rows`` are the ids that were inside."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    generation: int
    replica_id: str
    crashed_at: AwareDatetime
    error: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Suspicion:
    """Which rows of a job its crashes make suspect."""

    poison: dict[str, int]
    """Proved rows, with the number of crashes they were inside of."""
    crashes: dict[str, int]
    """Unexplained crashes by row."""

    def group_rows(self, row_id: str) -> int | None:
        """Return with how many rows this one may share an engine; None: with any number."""
        found = self.crashes.get(row_id, 0)
        if found <= FREE_CRASHES:
            return None
        return GROUP_ROWS if found == FREE_CRASHES + 1 else 1


def suspect(crashes: Iterable[Crash]) -> Suspicion:
    """Weigh the crashes of a job.

    Crashes {a,b,c}, {a,b}, {b}: b is poison and explains all three, so a and c are free. Without the last one, a and b
    have two crashes each and are run in a group.
    """
    sets = [frozenset(crash.rows) for crash in crashes if crash.rows]
    proved = frozenset().union(*(rows for rows in sets if len(rows) == 1))
    inside = Counter(row for rows in sets for row in rows)
    unexplained = Counter(row for rows in sets if not rows & proved for row in rows)
    return Suspicion({row: inside[row] for row in sorted(proved)}, dict(unexplained))


def groups(row_ids: Iterable[str], suspicion: Suspicion) -> list[list[str]]:
    """Return the rows that must not run among all others, in the groups that may run together, in input order."""
    small: list[list[str]] = []
    alone: list[list[str]] = []
    for row_id in row_ids:
        size = suspicion.group_rows(row_id)
        if size is None:
            continue
        if size == 1:
            alone.append([row_id])
        elif small and len(small[-1]) < size:
            small[-1].append(row_id)
        else:
            small.append([row_id])
    return small + alone
