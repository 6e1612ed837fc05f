"""Process records: what the supervisor records about one component, in `<state>/run/<component>.json`."""

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from llmbatch_stack.process.table import ProcessIdentity

SUPERVISOR = "supervisor"


class ComponentPhase(StrEnum):
    """Where a component is on its way up."""

    WAITING = "waiting"
    PREPARING = "preparing"
    STARTING = "starting"
    FINISHING = "finishing"
    READY = "ready"
    BACKOFF = "backoff"
    STOPPING = "stopping"


@dataclass(frozen=True)
class Record:
    """One component's process and phase. `started_at` is in seconds since the epoch, 0 before the first start."""

    component: str
    phase: ComponentPhase
    pid: int = 0
    start_ticks: int = 0
    started_at: float = 0.0
    restarts: int = 0
    detail: str = ""

    @property
    def identity(self) -> ProcessIdentity | None:
        """The recorded process, or None before the first start."""
        return ProcessIdentity(self.pid, self.start_ticks) if self.pid else None

    def is_alive(self) -> bool:
        """Return whether the recorded process still runs."""
        return self.identity is not None and self.identity.is_alive()

    def with_phase(self, phase: ComponentPhase, detail: str = "") -> "Record":
        """Return a copy in another phase."""
        return replace(self, phase=phase, detail=detail)


def write(folder: Path, record: Record) -> None:
    """Store a record; a reader sees the old one or the new one, never a half."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.component}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(record)))
    partial.replace(path)


def read(folder: Path, component: str) -> Record | None:
    """Return the record of a component, or None when there is none that can be read."""
    try:
        fields = json.loads((folder / f"{component}.json").read_text())
        return Record(**{**fields, "phase": ComponentPhase(fields["phase"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def read_all(folder: Path) -> dict[str, Record]:
    """Return every readable record by component."""
    found = (read(folder, path.stem) for path in sorted(folder.glob("*.json")))
    return {record.component: record for record in found if record is not None}


def remove(folder: Path, component: str) -> None:
    """Remove the record of a component, if there is one."""
    (folder / f"{component}.json").unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Remove all records."""
    for path in folder.glob("*"):
        path.unlink(missing_ok=True)
