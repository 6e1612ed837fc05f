"""The pages inside of Airflow's own UI, in a browser: its frame, its theme, its login."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import FrameLocator, Page, expect

from browser.chromium import launched
from llmbatch.core.identity import INFERENCE_DAG

from .api_server import ApiServer
from .small_jobs import BUCKET

pytestmark = pytest.mark.integration

PATIENCE = 60_000
"""Milliseconds: an api-server that was just started is slow."""
RUN_ID = "manual__2026-11-27T04:00:00.5+00:00"
"""As Airflow names runs: with characters that an address escapes."""


@pytest.fixture(scope="module")
def window(api_server: ApiServer) -> Iterator[Page]:
    """A browser in which an admin of Airflow has logged in."""
    with launched(PATIENCE) as browser:
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(api_server.url)
        log_in(page)
        yield page


def log_in(page: Page) -> None:
    page.get_by_label("Username").fill("admin")
    page.get_by_role("textbox", name="Password").fill("admin")
    page.get_by_role("button", name="Sign in").click()


def inside(page: Page, title: str = "LLM jobs") -> FrameLocator:
    """Return our page in the frame of Airflow's UI."""
    return page.frame_locator(f"iframe[title='{title}']")


def test_the_navigation_opens_the_jobs(window: Page, api_server: ApiServer) -> None:
    entry = window.get_by_role("link", name="LLM jobs")
    icon = entry.locator("img[src='llmbatch/ui/icon.svg']")
    expect(icon).to_be_visible()
    assert icon.evaluate("image => image.decode().then(() => true, () => false)"), "the icon is not served"
    entry.click()
    expect(inside(window).get_by_role("heading", level=1)).to_have_text("Jobs")
    window.wait_for_url(f"{api_server.url}/plugin/llmbatch/llmbatch/ui/jobs")
    box = window.locator("iframe").bounding_box()
    assert box is not None
    assert box["height"] > 700, "the frame is as high as the window"


def test_an_address_of_airflow_s_ui_opens_the_same_page_again(window: Page, api_server: ApiServer) -> None:
    window.goto(f"{api_server.url}/plugin/llmbatch")
    inside(window).get_by_role("link", name="Quality").click()
    window.wait_for_url(f"{api_server.url}/plugin/llmbatch/llmbatch/ui/quality")
    window.goto(f"{api_server.url}/plugin/llmbatch/llmbatch/ui/jobs?owner=ann")
    expect(inside(window).get_by_role("heading", level=1)).to_have_text("Jobs")
    assert window.frames[1].url == f"{api_server.url}/llmbatch/ui/jobs?owner=ann"


def test_the_theme_is_airflow_s(window: Page, api_server: ApiServer) -> None:
    window.goto(f"{api_server.url}/plugin/llmbatch")
    html = inside(window).locator("html")
    for theme in ("dark", "light"):
        window.emulate_media(color_scheme=theme)
        expect(window.locator("html")).to_have_class(theme)
        expect(html).to_have_attribute("data-theme", theme)
    window.evaluate("() => localStorage.setItem('theme', 'dark')")
    window.reload()
    expect(inside(window).locator("html")).to_have_attribute("data-theme", "dark")
    window.evaluate("() => localStorage.removeItem('theme')")


def test_a_run_has_a_tab_with_its_job(window: Page, api_server: ApiServer) -> None:
    body = {"dag_run_id": RUN_ID, "logical_date": None, "conf": {"input_uri": f"s3://{BUCKET}/in.jsonl"}}
    address = f"{api_server.url}/api/v2/dags/{INFERENCE_DAG}/dagRuns"
    httpx.post(address, json=body, headers=api_server.headers("user"), timeout=60).raise_for_status()
    window.goto(f"{api_server.url}/dags/{INFERENCE_DAG}/runs/{quote(RUN_ID, safe='')}")
    window.get_by_role("link", name="LLM job", exact=True).click()
    expect(inside(window, "LLM job").get_by_role("heading", level=1)).to_be_visible()
    [frame] = [frame for frame in window.frames if "/llmbatch/ui/" in frame.url]
    assert frame.url == f"{api_server.url}/llmbatch/ui/runs/{INFERENCE_DAG}/{quote(RUN_ID, safe='')}"


def test_an_ended_session_leads_back_to_the_page_in_its_frame(window: Page, api_server: ApiServer) -> None:
    here = f"{api_server.url}/plugin/llmbatch/llmbatch/ui/jobs"
    window.goto(here)
    expect(inside(window).get_by_role("heading", level=1)).to_have_text("Jobs")
    window.context.clear_cookies()
    inside(window).get_by_role("link", name="Jobs", exact=True).click()
    expect(inside(window).get_by_role("heading", level=1)).to_have_text("Your session has ended")
    inside(window).get_by_role("link", name="Log in to Airflow").click()
    log_in(window)
    window.wait_for_url(here)
    expect(inside(window).get_by_role("heading", level=1)).to_have_text("Jobs")
