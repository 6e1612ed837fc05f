"""When a person sees the Jobs page: in a real browser, which has nothing of it yet."""

from __future__ import annotations

import statistics

from playwright.sync_api import Browser, sync_playwright

from llmbatch_stack.install import browser

VISITS = 5
"""Each by a browser without cookies and cache of the one before. The first one is not counted."""
_FIRST = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def painted(port: int, token: str) -> dict[str, float] | None:
    """Return the medians of milliseconds until the first text is there, and until the jobs are.

    Args:
        port: of a gateway that runs alone.
        token: of Airflow, for the cookie.

    Returns:
        None without Chromium; see ``make browser``.
    """
    path = browser.find()
    if path is None:
        return None
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(path), args=["--no-sandbox"])
        visits = [_visit(chromium, f"http://127.0.0.1:{port}", token) for _ in range(VISITS)][1:]
        chromium.close()
    return {
        "first": round(statistics.median(first for first, _ in visits)),
        "jobs": round(statistics.median(jobs for _, jobs in visits)),
    }


def _visit(chromium: Browser, url: str, token: str) -> tuple[float, float]:
    context = chromium.new_context()
    context.add_cookies([{"name": "_token", "value": token, "url": url}])
    page = context.new_page()
    page.goto(f"{url}/ui/jobs")
    page.locator("#jobs tbody tr").first.wait_for()
    jobs = float(page.evaluate("performance.now()"))
    first = float(page.evaluate(_FIRST))
    context.close()
    return first, jobs
