"""``/ui/jobs/{job_id}/…``: who sees which rows and files."""

from __future__ import annotations

import pytest
from httpx import Response

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished, put_job, put_run
from fakes.shown_jobs import HOSTILE, put_beat, put_dead_letters, put_rows, staged_row
from llmbatch.core.states import ErrorClass

SECRET = "the secret of ann"
LONG = HOSTILE + "y" * 2**20


def get(gateway: FakeGateway, path: str, user: str) -> Response:
    return gateway.client.get(f"/ui/jobs/{path}", headers={**gateway.as_user(user, "viewer"), "Accept": "text/html"})


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway(admins=("ada",))


@pytest.mark.parametrize(("user", "reads"), [("ann", True), ("ada", True), ("bob", False)])
def test_rows_are_for_the_owner_and_admins(gateway: FakeGateway, user: str, reads: bool) -> None:
    spec = put_job(gateway, "r")
    put_beat(gateway, spec, dead_letters={ErrorClass.ENGINE: 1})
    put_rows(gateway, spec, [staged_row(1, SECRET), staged_row(2, error_class="engine", error=SECRET)])
    for path in ("rows/input", "rows/output"):
        answer = get(gateway, f"{spec.job_id}/{path}", user)
        assert answer.status_code == (200 if reads else 404)
        assert (SECRET in answer.text) is reads
    errors = get(gateway, f"{spec.job_id}/errors", user)
    assert (errors.status_code, ">engine<" in errors.text) == (200, True)
    assert (SECRET in errors.text, "administrators of llmbatch may read" in errors.text) == (reads, not reads)
    page = get(gateway, spec.job_id, user).text
    assert ("rows/input" in page, "may read rows and answers" in page) == (reads, not reads)


@pytest.mark.parametrize(("user", "reads"), [("ann", True), ("bob", False)])
def test_files_are_for_the_owner_and_their_links_work(gateway: FakeGateway, user: str, reads: bool) -> None:
    spec = put_finished(gateway, files={"results.jsonl": b"{}\n"})
    text = get(gateway, f"{spec.job_id}/files", user).text
    link = f"/jobs/{spec.job_id}/results/results.jsonl"
    assert (f'href="{link}"' in text, "llmbatch.cli.deliver" in text) == (reads, reads)
    assert gateway.client.get(link, headers=gateway.as_user(user, "viewer")).status_code == (200 if reads else 404)


def test_prompts_in_the_spec_are_for_the_owner(gateway: FakeGateway) -> None:
    spec = put_job(gateway, "r")
    secret = spec.model_copy(update={"request": spec.request.model_copy(update={"system_prompt": SECRET})})
    gateway.store.put(spec.layout.spec, secret.model_dump_json().encode())
    for user, reads in (("ann", True), ("bob", False)):
        answer = get(gateway, f"{spec.job_id}/documents", user)
        assert (answer.status_code, SECRET in answer.text) == (200, reads)


@pytest.mark.parametrize("path", ["documents", "rows/input", "rows/output"])
def test_a_job_that_is_not_accepted_has_neither_rows_nor_documents(gateway: FakeGateway, path: str) -> None:
    assert get(gateway, f"{put_run(gateway, 'r')}/{path}", "ann").status_code == 404


def test_there_are_two_sides(gateway: FakeGateway) -> None:
    assert get(gateway, f"{put_job(gateway, 'r').job_id}/rows/other", "ann").status_code in {400, 404, 422}


def test_hostile_rows_are_text(gateway: FakeGateway) -> None:
    spec = put_job(gateway, "r")
    put_beat(gateway, spec, dead_letters={ErrorClass.ENGINE: 1})
    row = staged_row(2, custom_id=LONG, error_class="engine", error=LONG)
    put_rows(gateway, spec, [staged_row(1, LONG, custom_id=HOSTILE), row])
    put_dead_letters(gateway, spec, [row])
    for path in ("rows/input", "rows/output", "errors", "documents", "files"):
        answer = get(gateway, f"{spec.job_id}/{path}", "ann")
        assert (answer.status_code, len(answer.text) < 100_000) == (200, True)
        for raw in ("<script>alert", "\x1b", "\u202e"):
            assert raw not in answer.text, path
