"""``sla.json``: the promise of a job against what happened. Written after the manifest, from it alone."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest, RowRecord
from llmbatch.core.store import ObjectStore


class SlaReport(BaseModel):
    """How one job kept its deadline. ``timing`` is in seconds per phase."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    job_id: str
    deadline: AwareDatetime
    finished_at: AwareDatetime
    met: bool
    margin_seconds: float
    """Seconds from the finish to the deadline; negative when it was missed."""
    rows: RowRecord
    timing: dict[str, float]

    def lines(self) -> list[str]:
        """Return the summary for the task log."""
        word = "met" if self.met else "missed"
        phases = " ".join(f"{phase}={seconds:.1f}s" for phase, seconds in self.timing.items())
        return [
            f"job={self.job_id} rows={self.rows.input} succeeded={self.rows.succeeded} failed={self.rows.failed}",
            f"job={self.job_id} sla={word} deadline={_short(self.deadline)} finished_at={_short(self.finished_at)} "
            f"margin={self.margin_seconds / 3600:+.2f}h",
            f"job={self.job_id} {phases or 'no timing'}",
        ]


def report_sla(job_uri: str, store: ObjectStore) -> SlaReport:
    """Write ``sla.json`` from the manifest and return it. A repeated call writes the same bytes."""
    layout = JobLayout(job_uri)
    manifest = JobManifest.model_validate_json(store.get(layout.manifest))
    sla = manifest.sla
    report = SlaReport(
        job_id=manifest.job_id,
        deadline=sla.deadline,
        finished_at=sla.finished_at,
        met=sla.met,
        margin_seconds=(sla.deadline - sla.finished_at).total_seconds(),
        rows=manifest.rows,
        timing=manifest.timing,
    )
    store.put(layout.sla, report.model_dump_json(indent=2).encode())
    return report


def _short(stamp: datetime) -> str:
    return stamp.isoformat(timespec="seconds")
