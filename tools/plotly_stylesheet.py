"""Write the style rules that plotly's script would add to a page, which the policy of our pages forbids it to add.

Needs Chromium. Plotly adds none itself where a stylesheet with its id has the class ``no-inline-styles``. Run it after
plotly has a new version: a test of the pages compares the file with the bundle.
"""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

STYLESHEET = Path("include/llmbatch/gateway/pages/static/plotly.css")
HEADER = "/* Made by `python tools/plotly_stylesheet.py` from the bundle of plotly; do not edit. */\n"
_RULES = "() => [...document.getElementById('plotly.js-style-global').sheet.cssRules].map(rule => rule.cssText)"
_OURS = (".js-plotly-plot", ".plotly-notifier")
"""Selectors of what we draw; maps have others."""


def stylesheet(browser: Browser) -> str:
    """Return the rules of the installed bundle. Takes seconds."""
    page = browser.new_page()
    page.add_script_tag(path=str(files("plotly").joinpath("package_data", "plotly.min.js")))
    rules = [rule for rule in page.evaluate(_RULES) if rule.startswith(_OURS)]
    page.close()
    return HEADER + "".join(f"{rule}\n" for rule in reversed(rules))


if __name__ == "__main__":
    with sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        STYLESHEET.write_text(stylesheet(chromium), encoding="utf-8")
