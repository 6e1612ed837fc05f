"""What the scripts of the pages do in a browser, on a page of the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

import plotly_stylesheet
from browser.chromium import THEMES, Noticed
from browser.conftest import Reader
from browser.trial import SECONDS, Trial, templates
from fakes.gateway import FakeGateway, fake_gateway
from fakes.page_server import served

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202eevil\x1b[31m"
POLLS = 1000 * SECONDS


@pytest.fixture(scope="module")
def gateway() -> Iterator[FakeGateway]:
    with templates():
        yield fake_gateway(admins=("ada",))


@pytest.fixture
def trial() -> Trial:
    return Trial()


@pytest.fixture
def url(gateway: FakeGateway, trial: Trial) -> Iterator[str]:
    with served(gateway, trial.router()) as address:
        yield address


@pytest.fixture
def page(reader: Reader, url: str) -> Page:
    found = reader(url)
    found.goto(f"{url}/ui/trial")
    expect(found.locator("#text")).to_have_text("one")
    return found


def test_a_change_is_shown_and_nothing_is_sent_twice(page: Page, trial: Trial) -> None:
    page.evaluate("document.getElementById('text').dataset.kept = ''")
    before = trial.count()
    while trial.count() < before + 4:
        page.wait_for_timeout(POLLS)
    assert {one.rpartition(" ")[2] for one in trial.asked[1:]} == {"304"}
    assert page.locator("#text[data-kept]").count() == 1, "it was drawn again"
    trial.text = "two"
    expect(page.locator("#text")).to_have_text("two")


def test_text_of_the_server_is_text(page: Page, trial: Trial) -> None:
    noticed = Noticed.on(page)
    trial.text = HOSTILE
    expect(page.locator("#text")).to_contain_text("<script>alert(2)</script>")
    assert page.locator("#part img, #part script").count() == 0
    noticed.require_nothing_but(urlsplit(page.url).netloc)


def test_what_has_the_focus_or_is_open_stays_so(page: Page, trial: Trial) -> None:
    page.locator("#more summary").click()
    page.locator("#again").focus()
    trial.text = "two"
    expect(page.locator("#text")).to_have_text("two")
    expect(page.locator("#again")).to_be_focused()
    assert page.locator("#more").get_attribute("open") is not None


def test_a_filter_is_asked_at_once_and_is_a_permalink(page: Page, url: str) -> None:
    page.get_by_label("Owner").fill("b&b")
    expect(page.locator("#owner")).to_have_text("b&b")
    assert page.url == f"{url}/ui/trial?owner=b%26b"
    page.get_by_role("button", name="Sort").click()
    page.wait_for_url(f"{url}/ui/trial?owner=b%26b&sort=eta")
    page.get_by_label("Owner").fill("")
    page.wait_for_url(f"{url}/ui/trial?sort=eta")


@pytest.mark.parametrize(
    ("stored", "zone", "shown"),
    [(None, "America/New_York", "2026-11-26 22:05 EST"), ('"Asia/Tokyo"', "Asia/Tokyo", "2026-11-27 12:05 JST"),
     ('"UTC"', "UTC", "2026-11-27 03:05 UTC"), ("{broken", "{broken", "2026-11-27 03:05 UTC")],
)  # fmt: skip
def test_times_are_in_the_zone_of_airflow_s_ui(
    reader: Reader, url: str, trial: Trial, stored: str | None, zone: str, shown: str
) -> None:
    page = reader(url, timezone_id="America/New_York")
    if stored:
        page.add_init_script(f"localStorage.setItem('timezone', {stored!r})")
    page.goto(f"{url}/ui/trial")
    expect(page.locator("#at")).to_have_text(shown)
    assert trial.asked[0].startswith(f"part?tz={zone.replace('/', '%2F').replace('{', '%7B')}")


def test_an_ended_session_has_a_word_and_goes_on_after_login(page: Page, url: str, trial: Trial) -> None:
    page.context.clear_cookies()
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended. Log in to Airflow in another tab")
    trial.text = "two"
    page.context.add_cookies([{"name": "_token", "value": "admin-ada", "url": url}])
    expect(page.locator("#text")).to_have_text("two")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_server_that_is_gone_has_a_word_until_it_is_back(reader: Reader, gateway: FakeGateway, trial: Trial) -> None:
    with served(gateway, trial.router()) as url:
        page = reader(url)
        page.goto(f"{url}/ui/trial")
        expect(page.locator("#text")).to_have_text("one")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    expect(page.locator("#text")).to_have_text("one")
    trial.text = "two"
    with served(gateway, trial.router(), port=urlsplit(url).port or 0):
        expect(page.locator("#text")).to_have_text("two")
        expect(page.get_by_role("alert")).to_be_hidden()


def test_who_comes_back_from_login_need_not_wait(page: Page, url: str, trial: Trial) -> None:
    page.context.clear_cookies()
    page.wait_for_timeout(20 * POLLS)  # the next try is some seconds away by now
    trial.text = "two"
    page.context.add_cookies([{"name": "_token", "value": "admin-ada", "url": url}])
    show(page, shown=True)
    expect(page.locator("#text")).to_have_text("two", timeout=1000)


def show(page: Page, *, shown: bool) -> None:
    """Let the page take itself for shown or hidden."""
    page.evaluate(
        "shown => { Object.defineProperty(document, 'hidden', { value: !shown, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange')); }",
        shown,
    )


def test_a_hidden_page_asks_nothing(page: Page, trial: Trial) -> None:
    show(page, shown=False)
    page.wait_for_timeout(2 * POLLS)
    before = trial.count()
    page.wait_for_timeout(5 * POLLS)
    assert trial.count() == before
    trial.text = "two"
    show(page, shown=True)
    expect(page.locator("#text")).to_have_text("two")


def test_a_button_asks_once_and_says_what_it_did(page: Page, trial: Trial) -> None:
    page.get_by_role("button", name="Scale").click()
    dialog = page.get_by_role("dialog", name="Scale")
    expect(dialog).to_contain_text("Give it <b>more</b>?")
    expect(dialog.get_by_role("button", name="Back")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Scale").click()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Scale")).to_be_focused()
    assert trial.posted == []
    page.get_by_role("button", name="Scale").click()
    dialog.get_by_label("Replicas").fill("4")
    dialog.get_by_role("button", name="Scale").click()
    expect(page.get_by_role("status")).to_have_text("The job has 4 replicas. <b>!</b>")
    assert trial.posted == [{"by": "page", "replicas": 4}]


def test_a_value_out_of_bounds_is_not_sent(page: Page, trial: Trial) -> None:
    page.get_by_role("button", name="Scale").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Replicas").fill("9")
    dialog.get_by_role("button", name="Scale").click()
    expect(dialog).to_be_visible()
    assert trial.posted == []


def test_a_refusal_is_said(page: Page) -> None:
    page.get_by_role("button", name="Refuse").click()
    page.get_by_role("dialog").get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("status")).to_have_text("The job is over.")


def test_enter_in_a_field_of_the_dialog_sends_nothing_unasked(page: Page, trial: Trial) -> None:
    page.get_by_role("button", name="Scale").click()
    page.get_by_role("dialog").get_by_label("Replicas").fill("3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert trial.posted in ([], [{"by": "page", "replicas": 3}])


def test_figures_are_drawn_described_and_redrawn(reader: Reader, url: str, trial: Trial) -> None:
    page = reader(url)
    page.goto(f"{url}/ui/trial/drawn")
    figure = page.get_by_role("img", name="Two points.")
    expect(figure.locator(".scatterlayer path.js-line")).to_have_count(1)
    expect(page.locator("#none")).to_be_hidden()
    before = figure.locator("path.js-line").get_attribute("d")
    trial.value = 9.0
    page.wait_for_function("before => document.querySelector('path.js-line').getAttribute('d') !== before", arg=before)


@pytest.mark.parametrize("theme", THEMES)
def test_figures_have_the_colours_of_the_theme(reader: Reader, url: str, theme: str) -> None:
    page = reader(url, color_scheme=theme)
    page.goto(f"{url}/ui/trial/drawn")
    first = _colour_of_figure(page)
    page.emulate_media(color_scheme="dark" if theme == "light" else "light")
    page.wait_for_function("first => getComputedStyle(document.querySelector('.xtitle')).fill !== first", arg=first)
    page.emulate_media(color_scheme=theme)
    page.wait_for_function("first => getComputedStyle(document.querySelector('.xtitle')).fill === first", arg=first)


def _colour_of_figure(page: Page) -> str:
    page.locator(".xtitle").wait_for(state="attached")
    return str(page.evaluate("getComputedStyle(document.querySelector('.xtitle')).fill"))


@pytest.mark.parametrize("theme", THEMES)
def test_the_theme_is_that_of_the_document_around(reader: Reader, url: str, theme: str) -> None:
    other = "dark" if theme == "light" else "light"
    page = reader(url, color_scheme=other)
    page.goto(f"{url}/ui/outer/{theme}")
    inner = page.frame_locator("iframe").locator("html")
    expect(inner).to_have_attribute("data-theme", theme)
    page.evaluate("theme => { document.documentElement.className = theme; }", other)
    expect(inner).to_have_attribute("data-theme", other)


def test_a_link_leaves_the_frame(reader: Reader, url: str) -> None:
    page = reader(url)
    page.goto(f"{url}/ui/outer/light")
    link = page.frame_locator("iframe").get_by_role("link", name="Airflow")
    with page.context.expect_page() as opened:
        link.click(modifiers=["Control"])
    assert opened.value.url == f"{url}/ui/leave"
    link.click()
    page.wait_for_url(f"{url}/ui/leave")


def test_login_leaves_the_frame_and_leads_back_to_it(reader: Reader, url: str) -> None:
    page = reader(url, "nobody")
    outer = f"{url}/ui/outer/light?path=/ui/jobs"
    page.context.add_cookies([{"name": "_token", "value": "viewer-vi", "url": url}])
    page.goto(outer)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_be_visible()
    page.context.clear_cookies()  # the scripts of the page are kept by the browser
    frame.get_by_role("link", name="Quality").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Your session has ended")
    frame.get_by_role("link", name="Log in to Airflow").click()
    page.wait_for_url(f"{url}/api/v2/auth/login?next=%2Fui%2Fouter%2Flight%3Fpath%3D%2Fui%2Fjobs")


def test_the_document_around_hears_of_a_new_address(reader: Reader, url: str) -> None:
    page = reader(url)
    page.goto(f"{url}/ui/outer/light")
    inner = page.frame_locator("iframe")
    expect(inner.locator("#text")).to_have_text("one")
    page.evaluate(
        "() => document.querySelector('iframe').addEventListener('load', "
        "event => { document.title = event.target.contentWindow.location.search; })"
    )
    inner.get_by_label("Owner").fill("ann")
    expect(page).to_have_title("?owner=ann")


def test_plotly_s_rules_are_those_of_the_installed_bundle(chromium: Browser) -> None:
    text = (Path(__file__).parents[2] / plotly_stylesheet.STYLESHEET).read_text(encoding="utf-8")
    assert text == plotly_stylesheet.stylesheet(chromium), "run tools/plotly_stylesheet.py"
