"""The pictures of the dashboards: pages with the data of a Prometheus. A browser turns them into PNG files by hand."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fakes.sample_pipeline import pipeline_samples
from fakes.sample_platform import airflow_samples
from fakes.sampled_prometheus import sampled_prometheus
from monitoring.dashboards.picture import main
from monitoring.dashboards.picture_values import shown
from monitoring.dashboards.queries import FOLDER


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder, end = tmp_path_factory.mktemp("pages"), time.time()
    with sampled_prometheus(folder, [*pipeline_samples(end), *airflow_samples()], end) as url:
        main([url, str(folder / "pictures"), "--job-id", "tag-support"])
    return {path.stem: path.read_text("utf-8") for path in (folder / "pictures").glob("*.html")}


def test_there_is_a_page_for_each_dashboard(pages: dict[str, str]) -> None:
    assert pages.keys() == {path.stem for path in Path(FOLDER).glob("*.json")}


def test_panels_are_drawn_with_data(pages: dict[str, str]) -> None:
    assert "Job tag-support" in pages["job"]
    assert "<polygon" in pages["job"]  # the fan of the ETA
    assert "stroke-dasharray" in pages["overview"]  # a target


def test_jobs_are_rows_of_the_table(pages: dict[str, str]) -> None:
    for text in ("nightly-eval", "qwen2.5-7b", "tag-support", "smollm2"):
        assert f">{text}</td>" in pages["overview"]


def test_a_panel_without_data_says_why(pages: dict[str, str]) -> None:
    assert pages["cluster"].count('<div class="none">no GPU</div>') == 5


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.123, "percentunit", "12.3 %"),
        (3 * 1024**3, "bytes", "3.0 GiB"),
        (0, "bytes", "0.0 B"),
        (5400, "dtdurations", "1h 30m"),
        (-61, "dtdurations", "-1m 1s"),
        (0.25, "s", "250.0 ms"),
        (12.5, "suffix: rows/s", "12.50 rows/s"),
        (2_500_000, "short", "2.50 Mil"),
        (1, "bool_yes_no", "yes"),
        (float("inf"), "none", "+∞"),
    ],
)
def test_values_are_shown_in_their_unit(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text
