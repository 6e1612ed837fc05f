"""``/ui/jobs``: the page and what its script polls."""

from __future__ import annotations

import pytest

from fakes.exported_jobs import full_beat
from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job, put_run
from llmbatch.gateway.pages.pages import POLICY

PARTS = ("/ui/jobs/table", "/ui/jobs/counts", "/ui/jobs/figures")


def gateway_with_jobs() -> FakeGateway:
    gateway = fake_gateway()
    full_beat(gateway, put_job(gateway, "works", owner="bob"))
    put_run(gateway, "over", "success")
    return gateway


def get(gateway: FakeGateway, path: str, role: str = "viewer", **headers: str):  # type: ignore[no-untyped-def]
    return gateway.client.get(path, headers={**gateway.as_user("vic", role), **headers})


def test_the_page_has_the_query_of_its_address_in_its_fields() -> None:
    answer = get(gateway_with_jobs(), "/ui/jobs?state=at_risk&owner=gone&model=small&text=%22%3E%3Cb%3E&sort=deadline")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY
    for part in (
        '<option value="at_risk" selected>At risk</option>',
        '<option value="gone" selected>gone</option>',
        '<option value="bob">bob</option>',
        '<option value="small" selected>small</option>',
        'value="&#34;&gt;&lt;b&gt;"',
        '<option value="deadline" selected>',
        'data-poll="/ui/jobs/table?state=at_risk&amp;owner=gone&amp;model=small&amp;text=%22%3E%3Cb%3E&amp;sort=deadline"',
    ):
        assert part in answer.text, part


def test_every_viewer_sees_the_jobs_of_all_owners() -> None:
    answer = get(gateway_with_jobs(), "/ui/jobs/table")
    assert "works" in answer.text
    assert "over" in answer.text


@pytest.mark.parametrize("path", PARTS)
def test_a_poll_costs_nothing_while_nothing_changes(path: str) -> None:
    gateway = gateway_with_jobs()
    first = get(gateway, path)
    assert first.status_code == 200
    again = get(gateway, path, **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/ui/jobs", *PARTS])
@pytest.mark.parametrize(("token", "status"), [("nobody", 401), ("none-x", 401)])
def test_the_page_needs_a_reader(path: str, token: str, status: int) -> None:
    answer = fake_gateway().client.get(path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status


@pytest.mark.parametrize("query", ["state=x", "sort=owner", "sort=--level", "text=" + "x" * 201, "after=" + "x" * 251])
def test_a_query_that_means_nothing_is_refused(query: str) -> None:
    assert get(fake_gateway(), f"/ui/jobs/table?{query}").status_code in (400, 422)


def test_a_page_after_a_run_that_is_gone_says_so() -> None:
    answer = get(fake_gateway(), "/ui/jobs/table?after=gone")
    assert answer.status_code == 404
    assert "gone" in answer.json()["error"]["message"]
