"""What holds for every page: no error, no other host, for all readers, in both themes, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from browser.chromium import THEMES, Noticed, grave_findings, picture
from browser.conftest import Reader
from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished, put_heartbeat, put_job
from fakes.page_jobs import put_halfway
from fakes.page_server import served
from llmbatch.core.job_spec import JobSpec

HOSTILE = "<img src=x onerror=alert(1)>\u202eevil\x1b[31m"
PHONE = 400
"""Pixels."""

PAGES = ("jobs", "job", "start", "quality")


@dataclass(frozen=True)
class Site:
    """The pages of a service."""

    url: str
    job: JobSpec

    def path(self, page: str) -> str:
        """Return the address of a page by its name."""
        return f"{self.url}/ui/jobs/{self.job.job_id}" if page == "job" else f"{self.url}/ui/{page}"


def filled() -> tuple[FakeGateway, JobSpec]:
    """Return a service with jobs in all states, one of them with hostile names; and a running job."""
    gateway = fake_gateway(admins=("ada",))
    put_finished(gateway, "done", files={"output.jsonl": b'{"custom_id": "a"}\n'})
    put_job(gateway, "broken", "failed")
    put_job(gateway, "waiting", "queued")
    put_heartbeat(gateway, put_job(gateway, HOSTILE, owner=HOSTILE))
    return gateway, put_halfway(gateway)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    gateway, job = filled()
    with served(gateway) as url:
        yield Site(url, job)


@pytest.fixture(scope="module")
def empty_site() -> Iterator[Site]:
    gateway = fake_gateway(admins=("ada",))
    with served(gateway) as url:
        yield Site(url, filled()[1])


def settle(page: Page) -> None:
    """Wait until all fragments are there, but those that open only later, and all figures are drawn."""
    page.wait_for_load_state("networkidle")
    expect(page.locator("[aria-busy=true]:not(details:not([open]) *)")).to_have_count(0)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole(reader: Reader, site: Site, name: str, theme: str) -> None:
    page = reader(site.url, color_scheme=theme, viewport={"width": 1280, "height": 900})
    noticed = Noticed.on(page)
    answer = page.goto(site.path(name))
    assert answer is not None
    assert answer.status == 200
    settle(page)
    expect(page.locator("h1")).to_have_count(1)
    picture(page, f"{name}-{theme}")
    noticed.require_nothing_but(urlsplit(site.url).netloc)
    assert grave_findings(page) == []
    page.set_viewport_size({"width": PHONE, "height": 800})
    settle(page)
    picture(page, f"{name}-{theme}-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE


@pytest.mark.parametrize("name", ["jobs", "start", "quality"])
def test_a_page_without_data_says_what_to_do(reader: Reader, empty_site: Site, name: str) -> None:
    page = reader(empty_site.url)
    noticed = Noticed.on(page)
    page.goto(empty_site.path(name))
    settle(page)
    picture(page, f"{name}-empty")
    noticed.require_nothing_but(urlsplit(empty_site.url).netloc)
    assert grave_findings(page) == []


MARK = """() => {
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
  window.controls = all.filter(each => !each.disabled && each.type !== "hidden" && each.checkVisibility()
    && each.getBoundingClientRect().width && !(each.type === "radio" && !each.checked));
  return window.controls.length;
}"""
FOCUSED = """() => {
  const here = document.activeElement, style = getComputedStyle(here);
  const seen = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  if (here !== document.body) here.dataset.reached = "";
  return here === document.body || seen ? "" : here.outerHTML.slice(0, 200);
}"""
MISSED = """() => window.controls.filter(each => each.isConnected && !('reached' in each.dataset))
  .map(each => each.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_reaches_every_control_and_shows_where_it_is(reader: Reader, site: Site, name: str) -> None:
    page = reader(site.url, viewport={"width": 1280, "height": 900})
    page.goto(site.path(name))
    settle(page)
    count = page.evaluate(MARK)
    assert count >= 4, "the skip link and the navigation"
    unseen = []
    for _ in range(2 * count):
        page.keyboard.press("Tab")
        unseen.append(page.evaluate(FOCUSED))
        if not page.evaluate(MISSED):
            break
    assert page.evaluate(MISSED) == []
    assert [one for one in unseen if one] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_viewer_sees_no_button_that_changes_anything(reader: Reader, site: Site, name: str) -> None:
    page = reader(site.url, "viewer-vi")
    page.goto(site.path(name))
    settle(page)
    assert page.locator("button[data-post]:visible").count() == 0


def test_hostile_names_are_text(reader: Reader, site: Site) -> None:
    page = reader(site.url)
    noticed = Noticed.on(page)
    for name in ("jobs", "quality"):
        page.goto(site.path(name))
        settle(page)
        assert page.locator("main img").count() == 0
        assert "\u202e" not in page.locator("body").inner_text()
    noticed.require_nothing_but(urlsplit(site.url).netloc)
