"""The numbers on top of the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from llmbatch.gateway.pages.job_list.open_jobs import OpenJobs
from llmbatch.orchestrator.sla_report.figures import Figures, Period


@dataclass(frozen=True)
class Counts:
    """Counts of jobs, and sums over those that are over.

    Attributes:
        running: jobs that Airflow runs.
        queued: jobs that wait in Airflow.
        at_risk: jobs that may miss their deadline, or have missed it and still run.
        is_cut: whether there are more open jobs than were counted.
        is_reported: whether there is a report; the sums are unknown before the first.
        week: of this week, in UTC; None if no job ended in it.
        is_week_whole: whether the report reaches back to the beginning of the week.
        today: of this day, in UTC; None if no job ended on it.
        is_today_whole: whether the report reaches back to the beginning of the day.
    """

    running: int
    queued: int
    at_risk: int
    is_cut: bool = False
    is_reported: bool = False
    week: Period | None = None
    is_week_whole: bool = True
    today: Period | None = None
    is_today_whole: bool = True

    @property
    def attainment_pct(self) -> float | None:
        """Jobs of this week that met their deadline, in percent; None without a job."""
        return 100 * self.week.met / self.week.jobs if self.week is not None and self.week.jobs else None

    @property
    def gpu_hours(self) -> float | None:
        """GPU hours of the jobs that ended today; None before the first report."""
        if not self.is_reported:
            return None
        return 0.0 if self.today is None else self.today.gpu_hours


def counts_of(found: OpenJobs, report: Figures | None, now: datetime) -> Counts:
    """Return the counts.

    Args:
        found: the open jobs.
        report: the figures of the newest jobs that are over; None before the first.
        now: the current time.
    """
    running = sum(job.is_running for job in found.jobs)
    at_risk = sum(job.is_at_risk for job in found.jobs)
    counts = Counts(running, len(found.jobs) - running, at_risk, found.is_cut)
    if report is None:
        return counts
    day = now.astimezone(UTC).date()
    week, today = _of(report.weeks, day - timedelta(days=day.weekday())), _of(report.days, day)
    return Counts(
        running=counts.running,
        queued=counts.queued,
        at_risk=at_risk,
        is_cut=found.is_cut,
        is_reported=True,
        week=week,
        is_week_whole=report.left_out == 0 or len(report.weeks) > 1,
        today=today,
        is_today_whole=report.left_out == 0 or len(report.days) > 1,
    )


def _of(periods: tuple[Period, ...], begins: object) -> Period | None:
    return next((period for period in periods if period.begins == begins), None)
