"""One browser for all tests of a file, and readers who are logged in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from browser.chromium import PATIENCE_MS, launched

Reader = Callable[..., Page]
"""Opens a window at an address as a user of a role; other arguments are those of ``Browser.new_context``."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Gone after the file: no ``asyncio.run`` of other tests works beside it."""
    with launched() as browser:
        yield browser


@pytest.fixture
def reader(chromium: Browser) -> Iterator[Reader]:
    opened = []

    def open_window(url: str, role: str = "admin-ada", **options: object) -> Page:
        context = chromium.new_context(**options)
        opened.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": "_token", "value": role, "url": url}])
        return context.new_page()

    yield open_window
    for context in opened:
        context.close()
