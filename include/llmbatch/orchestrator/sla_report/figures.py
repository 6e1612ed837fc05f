"""The figures of a report, in the form of its JSON."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.sla_status import JobStatus


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(_Part):
    """Jobs that finished in one day or in the week that begins on that Monday. Rates are over the work seconds."""

    begins: date
    jobs: int
    met: int
    rows: int
    output_tokens: int
    rows_per_second: float | None
    tokens_per_second: float | None
    gpu_hours: float
    usd: float | None


class EtaAccuracy(_Part):
    """Accuracy over jobs; a job counts once at each mark. All in percent, null without data.

    ``error_pct`` is the mean absolute error (MAPE) and ``median_error_pct`` its median, by percent of the rows.
    ``calibration`` has, for each nominal width of a central interval, how often it contained the end.
    """

    jobs: int
    error_pct: dict[str, float]
    median_error_pct: dict[str, float]
    bias_pct: float | None
    coverage80_pct: float | None
    width: float | None
    calibration: dict[str, float]


class AlertQuality(_Part):
    """Red alerts that were raised before the deadline, against missed deadlines.

    A job whose red alert was followed by a reaction and that then met its deadline is ``rescued``: its alert is
    counted neither as right nor as wrong.
    """

    red_jobs: int
    missed_jobs: int
    right: int
    wrong: int
    rescued: int
    unannounced: int
    precision: float | None
    recall: float | None
    lead_pct: float | None
    """Median over missed jobs: remaining percentage of the window at the first red alert."""


class Violation(_Part):
    """One missed deadline."""

    job_id: str
    model: str
    deadline: AwareDatetime
    finished_at: AwareDatetime
    late_seconds: float
    first_red_at: AwareDatetime | None
    expired_rows: int


class Cost(_Part):
    """Sums; ``usd`` and its quotient cover the jobs with a known price."""

    gpu_hours: float
    replica_hours: float
    usd: float | None
    usd_per_million_tokens: float | None


class Figures(_Part):
    """The response of ``/sla/report``."""

    schema_version: int = 1
    generated_at: AwareDatetime
    jobs: int
    met: int
    attainment_pct: float | None
    left_out: int
    days: tuple[Period, ...]
    weeks: tuple[Period, ...]
    eta: EtaAccuracy
    alerts: AlertQuality
    violations: tuple[Violation, ...]
    cost: Cost
    open: tuple[JobStatus, ...]
