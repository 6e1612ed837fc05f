"""The form that starts a job, before a gateway with a store and an Airflow in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import FilePayload, Route, expect

from browser.conftest import Reader
from fakes.gateway import fake_gateway
from fakes.page_server import served


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(fake_gateway(admins=("ada",))) as address:
        yield address


def test_a_file_chosen_before_the_script_came_is_sent(reader: Reader, url: str) -> None:
    body = {"messages": [{"role": "user", "content": "Say it."}]}
    row = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    file = FilePayload(name="rows.jsonl", mimeType="application/jsonl", buffer=json.dumps(row).encode())
    page, held = reader(url), list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/start.js", hold)
    page.goto(f"{url}/ui/start", wait_until="commit")
    page.locator("#start-upload").set_input_files(file)
    page.wait_for_function("document.getElementById('start-upload').files.length === 1")
    held[0].continue_()
    expect(page.locator("#start-rows")).to_contain_text("Say it.")
