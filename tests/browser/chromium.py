"""Chromium for tests, and what it noticed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from llmbatch_stack.install import browser
from llmbatch_stack.settings import load

THEMES = ("light", "dark")
PATIENCE_MS = 15_000
"""Longest wait of one step, for a busy machine."""

_SHIPPED_MS = 5000
"""The patience of ``expect`` as it comes."""
_GRAVE = {"serious", "critical"}
_INLINE_STYLE = "Applying inline style violates the following Content Security Policy directive"
"""What Chromium says when plotly sets an attribute ``style``. Plotly sets the same by script, which is allowed."""
_PLOTLY = "/plotly.min.js"


def path_of_browser(environ: Mapping[str, str] = os.environ) -> str:
    """Return the path of a browser. Without it a test is skipped, and fails where ``CI`` is set."""
    found = browser.find()
    if found is not None:
        return str(found)
    text = f"no Chromium: run `make browser`, or as root: {browser.BY_HAND}"
    if environ.get("CI"):
        pytest.fail(f"{text}; nothing is skipped where CI is set")
    pytest.skip(text)


@contextmanager
def launched(patience_ms: int = PATIENCE_MS) -> Iterator[Browser]:
    """Run a browser until the end of the block. No ``asyncio.run`` works in this thread meanwhile.

    Args:
        patience_ms: longest wait of ``expect``.
    """
    path = path_of_browser()
    with sync_playwright() as playwright:
        # a sandbox needs rights that root of a container lacks; the pages are ours
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        expect.set_options(timeout=patience_ms)
        try:
            yield found
        finally:
            expect.set_options(timeout=_SHIPPED_MS)
            found.close()


@dataclass
class Noticed:
    """What went wrong on a page, as its browser noticed it."""

    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    dialogs: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Parts of errors that a test provokes."""

    @classmethod
    def on(cls, page: Page) -> Noticed:
        """Begin to look at a page."""
        noticed = cls()
        page.on("console", noticed._message)
        page.on("pageerror", lambda error: noticed.errors.append(str(error)))
        page.on("request", noticed._request)
        page.on("dialog", lambda dialog: (noticed.dialogs.append(dialog.message), dialog.dismiss()))
        return noticed

    def require_nothing_but(self, host: str) -> None:
        """Fail if there was an error, a dialog, or a request to another host."""
        unforeseen = [text for text in self.errors if not any(part in text for part in self.expected)]
        assert (unforeseen, self.dialogs, self.hosts - {host}) == ([], [], set())

    def _message(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        is_plotly_s = message.text.startswith(_INLINE_STYLE) and _PLOTLY in message.location.get("url", "")
        if not is_plotly_s:
            self.errors.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in {"data", "blob", "about"}:
            self.hosts.add(url.netloc)


def grave_findings(page: Page) -> list[str]:
    """Return what axe finds serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['help']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for each in found
        if each["impact"] in _GRAVE
        for node in each["nodes"]
    ]


def picture(page: Page, name: str) -> None:
    """Leave a picture of the whole page for a person, in ``.llmbatch/pictures``."""
    folder: Path = load().state / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)
