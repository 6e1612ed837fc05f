"""Templates to answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import jinja2
import pytest
from fastapi import Request
from jinja2 import DictLoader

from llmbatch.gateway.pages.assets import load_assets
from llmbatch.gateway.pages.pages import POLICY, View, environment, fragment, page, render
from llmbatch.gateway.pages.zone import Zone

VIEW = View("/llmbatch", "https://airflow.example", "ann", Zone("Europe/Berlin"))
ERROR = {"title": "T", "message": "m", "request_id": "", "login": ""}
HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202e"


@pytest.fixture
def templates(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Templates of the test by name, with our filters and rules."""
    texts: dict[str, str] = {}
    environment.cache_clear()
    ours = environment()
    monkeypatch.setattr(ours, "loader", DictLoader(texts))
    yield texts
    environment.cache_clear()


def asking(etag: str | None = None) -> Request:
    headers = [(b"if-none-match", etag.encode())] if etag else []
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


def test_a_page_has_the_policy_and_forbids_all_that_it_does_not_need() -> None:
    answer = page("error.html", VIEW, **ERROR)
    assert answer.headers["content-security-policy"] == POLICY
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
        "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'self'",
    }  # fmt: skip
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.media_type == "text/html; charset=utf-8"


def test_text_is_escaped_and_marks_are_visible(templates: dict[str, str]) -> None:
    templates["a"] = "{{ text }}"
    templates["b"] = "{{ text | shown }}"
    assert "<script>" not in render("a", VIEW, text=HOSTILE)
    assert render("b", VIEW, text=HOSTILE) == ("&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;\\x1b[31m\\u202e")


def test_a_name_that_a_template_lacks_is_an_error(templates: dict[str, str]) -> None:
    templates["a"] = "{{ absent }}"
    with pytest.raises(jinja2.UndefinedError, match="absent"):
        render("a", VIEW)


def test_a_fragment_is_sent_once(templates: dict[str, str]) -> None:
    templates["a"] = "<p>{{ text }}</p>"
    first = fragment("a", VIEW, asking(), text="one")
    etag = first.headers["etag"]
    assert (first.status_code, first.body, first.headers["cache-control"]) == (200, b"<p>one</p>", "private, no-cache")
    same = fragment("a", VIEW, asking(etag), text="one")
    assert (same.status_code, same.body, same.headers["etag"]) == (304, b"", etag)
    other = fragment("a", VIEW, asking(etag), text="two")
    assert (other.status_code, other.body) == (200, b"<p>two</p>")
    assert other.headers["etag"] != etag
    assert {answer.headers["content-security-policy"] for answer in (first, same, other)} == {POLICY}


NONE = "\N{EN DASH}"
AT = datetime(2026, 11, 27, 3, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ at | when(view) }}", '<time datetime="2026-11-27T03:05:06+00:00">2026-11-27 04:05 CET</time>'),
        ("{{ at | when(view, seconds=True) }}",
         '<time datetime="2026-11-27T03:05:06+00:00">2026-11-27 04:05:06 CET</time>'),
        ("{{ none | when(view) }}", '<span class="none">\N{EN DASH}</span>'),
        ("{{ 1234567 | number }}", "1\u202f234\u202f567"),
        ("{{ 0 | number }}", "0"),
        ("{{ 2.345 | number(2) }}", "2.35"),
        ("{{ none | number }}", NONE),
        ("{{ 1.5 | hours }}", "1 h 30 min"),
        ("{{ -0.5 | hours }}", "\N{MINUS SIGN}30 min"),
        ("{{ none | hours }}", NONE),
        ("{{ 999 | bytes }}", "999 B"),
        ("{{ 1500 | bytes }}", "1.5 kB"),
        ("{{ 2_000_000_000 | bytes }}", "2.0 GB"),
        ("{{ 3_000_000_000_000 | bytes }}", "3.0 TB"),
        ("{{ none | bytes }}", NONE),
    ],
)  # fmt: skip
def test_values_as_a_person_reads_them(templates: dict[str, str], text: str, shown: str) -> None:
    templates["a"] = text
    assert render("a", VIEW, at=AT) == shown


def test_paths_of_a_view() -> None:
    assert (VIEW.ui, View("", "", "a").ui) == ("/llmbatch/ui", "/ui")
    assert VIEW.assets == f"/llmbatch/ui/static/{load_assets().digest}"


def test_no_template_has_a_script_or_a_style_of_its_own() -> None:
    """The policy would refuse it, and a person would see a page without it."""
    loader = environment().loader
    assert loader is not None
    names = loader.list_templates()
    assert {"base.html", "error.html", "jobs.html", "job.html", "start.html", "quality.html"} <= set(names)
    for name in names:
        text = loader.get_source(environment(), name)[0]
        assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", text) == [], name
        assert re.findall(r"\|\s*safe\b|autoescape|https?://", text) == [], name


def test_every_page_has_one_heading_a_title_and_a_way_around_the_navigation() -> None:
    text = render("error.html", VIEW, **ERROR)
    assert text.count("<h1") == 1
    assert "<title>T · llmbatch</title>" in text
    assert '<html lang="en">' in text
    assert '<a class="skip" href="#main">' in text
