"""A recorded job: its heartbeats, and when it really ended."""

from __future__ import annotations

import gzip
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.progress import Progress

FOLDER = Path(__file__).parent / "traces"


class RealTrace(BaseModel):
    """One job as its heartbeats reported it. ``finished_at`` is when the last shard was committed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    order: str
    template: str
    max_tokens: int
    slots: int
    created_at: AwareDatetime
    finished_at: AwareDatetime
    beats: tuple[Progress, ...]

    def write(self, folder: Path = FOLDER) -> Path:
        """Write ``<name>.json.gz``; the same trace gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json.gz"
        path.write_bytes(gzip.compress(self.model_dump_json(exclude_defaults=True).encode(), mtime=0))
        return path


def load(folder: Path = FOLDER) -> list[RealTrace]:
    """Return all recorded jobs, by name."""
    return [
        RealTrace.model_validate_json(gzip.decompress(path.read_bytes())) for path in sorted(folder.glob("*.json.gz"))
    ]
