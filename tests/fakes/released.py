"""The folders of ``tests/released``: what a version of llmbatch has stored, and the runs of Airflow that belong to it.

``store/`` has the objects by key; ``airflow.json`` names the jobs, and has their runs as Airflow had them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore

FOLDER = Path(__file__).parents[1] / "released"

STATES = (
    "waiting", "half_done", "finished", "retry", "failed", "refused", "cancelled", "delivered_cancelled", "batch",
    "invalid_batch",
)  # fmt: skip
"""Names of the jobs in every folder."""


@dataclass(frozen=True)
class Release:
    """What one version has stored."""

    folder: Path

    @property
    def version(self) -> str:
        return self.folder.name

    @cached_property
    def noted(self) -> dict[str, Any]:
        """``airflow.json``."""
        found: dict[str, Any] = json.loads((self.folder / "airflow.json").read_text("utf-8"))
        return found

    @property
    def base(self) -> str:
        """``store.base_uri`` of that deployment."""
        return str(self.noted["base_uri"])

    @property
    def recorded_at(self) -> datetime:
        return datetime.fromisoformat(self.noted["recorded_at"])

    @cached_property
    def objects(self) -> dict[str, bytes]:
        """Every object by address."""
        root, bucket = self.folder / "store", self.base.removeprefix("s3://").partition("/")[0]
        files = sorted(path for path in root.rglob("*") if path.is_file())
        return {f"s3://{bucket}/{path.relative_to(root).as_posix()}": path.read_bytes() for path in files}

    def load(self, store: ObjectStore) -> None:
        """Put every object into a store."""
        for uri, body in self.objects.items():
            store.put(uri, body)

    def job(self, name: str) -> JobLayout:
        return JobLayout.of(self.base, self.noted["jobs"][name])


RELEASES = tuple(Release(path) for path in sorted(FOLDER.iterdir()) if (path / "airflow.json").is_file())
"""Every recorded version."""
