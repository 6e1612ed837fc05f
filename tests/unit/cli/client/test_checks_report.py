"""The report from given figures."""

from __future__ import annotations

from llmbatch.cli.client.checks_report import Service, Sla, report_of

SERVICE = {
    "generated_at": "2030-01-20T00:00:00Z",
    "checks": [{"name": "a|b", "state": "look", "text": "one\nline"}],
    "versions": {"airflow": "3.3.2", "config": "abc"},
    "retention": {"jobs_days": None},
    "backups": [
        {"finished_at": "2030-01-18T00:00:00Z", "target": "s3://safe/jobs/", "objects": 2, "bytes": 5000},
        {"finished_at": "2030-01-19T00:00:00Z", "target": "s3://safe/jobs/", "objects": 1, "bytes": 904},
    ],
}


def week(begins: str, tokens: float | None, gpu_hours: float = 0.0, jobs: int = 4) -> dict[str, object]:
    return {
        "begins": begins, "jobs": jobs, "met": 3, "rows": 100, "rows_per_second": 5.5, "tokens_per_second": tokens,
        "gpu_hours": gpu_hours, "usd": None,
    }  # fmt: skip


def sla(*weeks: dict[str, object], left_out: int = 0) -> Sla:
    late = {"job_id": "job-1", "model": "small", "finished_at": "2030-01-19T00:00:00Z", "late_seconds": 3600}
    old = {**late, "job_id": "job-2", "finished_at": "2030-01-02T00:00:00Z"}
    return Sla.model_validate(
        {
            "jobs": 8, "left_out": left_out, "weeks": weeks, "violations": [late, old],
            "eta": {"median_error_pct": {"25": 12.34}, "bias_pct": -3, "coverage80_pct": 81.5},
            "alerts": {"precision": 0.5, "recall": None},
        }
    )  # fmt: skip


def report(figures: Sla, *, is_monthly: bool = False) -> list[str]:
    return report_of(Service.model_validate(SERVICE), figures, is_monthly=is_monthly).splitlines()


def test_texts_stay_in_their_cell() -> None:
    assert "| a\\|b | look | one\\nline |" in report(sla())


def test_only_the_deadlines_of_the_period_are_listed() -> None:
    weekly, monthly = report(sla()), report(sla(), is_monthly=True)
    assert "1 in the last 7 days." in weekly
    assert "| job-1 | small | 2030-01-19 00:00 | 1 h |" in weekly
    assert "2 in the last 31 days." in monthly
    assert any(line.startswith("| job-2 ") for line in monthly)


def test_the_trend_compares_the_last_two_weeks_with_a_rate() -> None:
    weeks = [week("2029-12-31", 1000, 7.5), week("2030-01-07", 800), week("2030-01-14", None)]
    lines = report(sla(*weeks))
    assert "Output tokens a second: -20 % in the last week against the one before." in lines
    assert "| 2029-12-31 | 4 | 75 % | 100 | 5.5 | 1,000 | 7.5 | - |" in lines
    assert "The busiest week, of 2029-12-31, used 7.5 GPU hours." in lines


def test_a_report_shows_its_number_of_weeks() -> None:
    weeks = [week(f"2029-{month:02d}-01", 1.0) for month in range(1, 13)]
    count = [sum(line.startswith("| 2029-") for line in report(sla(*weeks), is_monthly=m)) for m in (False, True)]
    assert count == [5, 12]


def test_the_report_says_what_it_leaves_out() -> None:
    assert any("12 older ones are left out" in line for line in report(sla(left_out=12)))


def test_storage_may_shrink() -> None:
    assert "The jobs grow by -4 KiB a day." in report(sla())
    assert "| jobs_days | for ever |" in report(sla())


def test_the_quality_of_predictions_is_monthly() -> None:
    lines = report(sla(), is_monthly=True)
    assert "| 25 % | 12.3 % |" in lines
    assert "| recall of red alerts | - | 1 |" in lines
    assert not any("recall" in line for line in report(sla()))
