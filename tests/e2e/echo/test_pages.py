"""The pages as a person uses them: in Airflow's own UI, from the first login to a job that is cancelled.

One job is started on the page; its deadline cannot be kept, which is known after its first answers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page, expect

from browser.chromium import THEMES, grave_findings, launched, picture
from chaos.cell import Matrix
from chaos.stack import ChaosStack, echo_engine
from llmbatch_stack.components.airflow import API_SERVER
from llmbatch_stack.demo.job_run import DAG_ID
from llmbatch_stack.environment import environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ROWS, ROW_SECONDS = 4800, 3.0
"""One engine answers 24 rows at a time: ten minutes of work."""
HOURS = 0.1
"""Until the deadline. The story ends long before it."""
AT_ONCE = {"red_from": 0.01, "red_anyway_from": 0.01, "red_for": 0.0, "red_polls": 1}
"""The first estimate that misses the deadline is red."""
PATIENCE_MS = 120_000
"""For what takes a few seconds on an idle machine."""

_TOKEN = """
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
print(SimpleAuthManager().generate_jwt(SimpleAuthManagerUser(username="vi", role="viewer")))
"""


@dataclass
class Desk:
    """A person at a browser."""

    stack: ChaosStack
    browser: Browser
    context: BrowserContext
    page: Page
    job_id: str = ""

    @property
    def url(self) -> str:
        """Address of Airflow."""
        return self.stack.settings.airflow_url

    @property
    def frame(self) -> FrameLocator:
        """Our page in the frame of Airflow's UI."""
        return self.page.frame_locator("iframe[title^='LLM job']")

    @property
    def row(self) -> Locator:
        """The job in the table of the Jobs page."""
        return self.frame.get_by_role("row").filter(has=self.page.locator(f"a[href$='/ui/jobs/{self.job_id}']"))

    def open(self, path: str, title: str | None = None) -> None:
        """Open one of our pages inside of Airflow's UI."""
        self.page.goto(f"{self.url}/plugin/llmbatch/llmbatch/ui/{path}")
        expect(self.frame.get_by_role("heading", level=1)).to_contain_text(title or "")


@pytest.fixture(scope="module")
def desk(matrix: Matrix) -> Iterator[Desk]:
    stack = matrix.stack
    stack.mend()
    stack.configure(echo_engine(stack.journal, ROW_SECONDS), sla=AT_ONCE)
    with launched(PATIENCE_MS) as browser:
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.set_default_timeout(PATIENCE_MS)
        yield Desk(stack, browser, context, context.new_page())


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of a person."""
    lines = [
        {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions",
         "body": {"messages": [{"role": "user", "content": f"Say {number}. <script>alert(1)</script>"}]}}
        for number in range(ROWS)
    ]  # fmt: skip
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def test_log_in_and_start_a_job(desk: Desk, rows: Path) -> None:
    page, frame = desk.page, desk.frame
    page.goto(desk.url)
    page.get_by_label("Username").fill(desk.stack.credentials.airflow_user)
    page.get_by_role("textbox", name="Password").fill(desk.stack.credentials.airflow_password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="LLM jobs").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Jobs")
    frame.get_by_role("link", name="Start a job").first.click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Start a job")
    frame.locator("#start-upload").set_input_files(rows)
    expect(frame.locator("#start-rows")).to_contain_text("Say 0.")
    frame.locator("#start-sla_hours").fill(str(HOURS))
    picture(page, "airflow-start")
    frame.get_by_role("button", name="Start the job").click()
    link = frame.locator("#start-done a")
    desk.job_id = link.inner_text()
    link.click()
    expect(frame.get_by_role("heading", level=1)).to_contain_text(desk.job_id)


def test_its_run_has_a_tab_with_the_job(desk: Desk) -> None:
    with desk.stack.api() as api:
        runs = api.get(f"/api/v2/dags/{DAG_ID}/dagRuns?order_by=-run_after&limit=1").json()["dag_runs"]
    desk.page.goto(f"{desk.url}/dags/{DAG_ID}/runs/{quote(runs[0]['dag_run_id'], safe='')}")
    desk.page.get_by_role("link", name="LLM job", exact=True).click()
    expect(desk.frame.get_by_role("heading", level=1)).to_contain_text(desk.job_id)
    picture(desk.page, "airflow-run-tab")


def test_it_moves_and_reaches_red_by_itself(desk: Desk) -> None:
    desk.open("jobs", "Jobs")
    expect(desk.row).to_contain_text("rows/s")
    expect(desk.row.locator(".level.red, .level.at_risk").first).to_be_visible()
    for theme in THEMES:
        desk.page.emulate_media(color_scheme=theme)
        expect(desk.frame.locator("html")).to_have_attribute("data-theme", theme)
        picture(desk.page, f"airflow-jobs-{theme}")


def test_the_page_of_the_job_in_both_themes(desk: Desk) -> None:
    desk.open(f"jobs/{desk.job_id}", desk.job_id)
    expect(desk.frame.locator(".level.red, .level.at_risk").first).to_be_visible()
    expect(desk.frame.locator(".js-plotly-plot").first).to_be_visible()
    for theme in THEMES:
        desk.page.emulate_media(color_scheme=theme)
        expect(desk.frame.locator("html")).to_have_attribute("data-theme", theme)
        picture(desk.page, f"airflow-job-{theme}")


def test_a_viewer_sees_the_job_and_no_button(desk: Desk) -> None:
    variables = environment("airflow", desk.stack.settings, desk.stack.credentials)
    done = subprocess.run(
        [sys.executable, "-c", _TOKEN], env=variables, capture_output=True, text=True, check=True
    )  # fmt: skip
    context = desk.browser.new_context(viewport={"width": 1400, "height": 1000})
    context.add_cookies([{"name": "_token", "value": done.stdout.split()[-1], "url": desk.url}])
    page = context.new_page()
    page.goto(f"{desk.url}/llmbatch/ui/jobs/{desk.job_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(desk.job_id)
    page.wait_for_load_state("networkidle")
    assert page.locator("button[data-post]").count() == 0
    assert grave_findings(page) == []
    picture(page, "viewer-job")
    page.goto(f"{desk.url}/llmbatch/ui/start")
    expect(page.get_by_role("heading", level=1)).to_have_text("Start a job")
    assert page.get_by_role("button", name="Start the job").count() == 0
    context.close()


def test_it_is_cancelled_and_stops(desk: Desk) -> None:
    desk.open(f"jobs/{desk.job_id}", desk.job_id)
    desk.frame.locator("#do-cancel").click()
    dialog = desk.frame.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.locator("#ask-yes").click()
    expect(desk.frame.locator("#said")).not_to_be_empty()
    expect(desk.frame.locator("#said")).not_to_have_class("said wrong")
    expect(desk.frame.locator(".standing strong")).to_have_text("cancelled")


def test_a_restart_of_airflow_s_server_has_a_word(desk: Desk) -> None:
    desk.open("jobs", "Jobs")
    expect(desk.row).to_be_visible()
    os.kill(desk.stack.pid(API_SERVER), signal.SIGKILL)
    trouble = desk.frame.locator("#trouble")
    expect(trouble).to_contain_text("The server does not answer.")
    picture(desk.page, "airflow-restart")
    expect(trouble).to_be_hidden()


def test_the_quality_page_counts_it(desk: Desk) -> None:
    desk.open("quality", "Quality")
    for theme in THEMES:
        desk.page.emulate_media(color_scheme=theme)
        expect(desk.frame.locator("html")).to_have_attribute("data-theme", theme)
        picture(desk.page, f"airflow-quality-{theme}")
