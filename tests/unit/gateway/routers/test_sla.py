from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from typing import get_args, get_type_hints

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.open_jobs import running_job
from fakes.reported_jobs import reported_jobs
from llmbatch.core.errors import StoreError
from llmbatch.gateway.routers import sla
from llmbatch.orchestrator.sla_report.report import FORMATS


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway()


def test_the_status_has_the_fields_of_the_old_service(gateway: FakeGateway) -> None:
    spec = running_job(gateway, "a")
    answer = gateway.client.get("/sla/status", headers=gateway.as_user("ann", "viewer"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    (job,) = answer.json()["jobs"]
    assert {"job_id", "progress_pct", "eta_hours", "sla_remaining_hours", "status"} <= set(job)
    assert (job["job_id"], job["progress_pct"], job["status"]) == (spec.job_id, 25.0, "on_track")


def test_a_poll_with_the_etag_gets_304_until_the_reading_is_older(gateway: FakeGateway) -> None:
    running_job(gateway, "a")
    ann = gateway.as_user("ann", "viewer")
    etag = gateway.client.get("/sla/status", headers=ann).headers["etag"]
    again = gateway.client.get("/sla/status", headers={**ann, "If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    gateway.clock.advance(10)
    assert gateway.client.get("/sla/status", headers={**ann, "If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("path", ["/sla/status", "/sla/report"])
def test_a_caller_is_needed(gateway: FakeGateway, path: str) -> None:
    assert gateway.client.get(path).status_code == 401
    assert gateway.client.get(path, headers={"Authorization": "Bearer x"}).status_code == 401


def test_the_report_comes_in_three_formats(gateway: FakeGateway) -> None:
    gateway.store.objects.update(reported_jobs().objects)
    ann = gateway.as_user("ann", "viewer")
    found = gateway.client.get("/sla/report", headers=ann)
    assert (found.headers["content-type"], found.json()["jobs"]) == ("application/json", 5)
    table = gateway.client.get("/sla/report?format=csv&jobs=2", headers=ann)
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(list(csv.DictReader(io.StringIO(table.text)))) == 2
    page = gateway.client.get("/sla/report?format=html", headers=ann)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "ETag" in page.headers


def test_the_page_may_load_and_run_nothing(gateway: FakeGateway) -> None:
    gateway.store.objects.update(reported_jobs().objects)
    page = gateway.client.get("/sla/report?format=html", headers=gateway.as_user("ann", "viewer"))
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag != "script"
            assert not [name for name, _ in attrs if name.startswith("on") or name == "src"]

    Tags().feed(page.text)


@pytest.mark.parametrize("query", ["format=xml", "jobs=0", "jobs=1001", "jobs=many"])
def test_wrong_parameters_are_refused(gateway: FakeGateway, query: str) -> None:
    answer = gateway.client.get(f"/sla/report?{query}", headers=gateway.as_user("ann", "viewer"))
    assert answer.status_code == 400


def test_the_formats_are_those_of_the_report() -> None:
    hints = get_type_hints(sla.report, include_extras=False)
    assert get_args(hints["format"]) == FORMATS


def test_a_store_that_failed_is_asked_again(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    running_job(gateway, "a")
    with monkeypatch.context() as patch:

        def fail(uri: str) -> None:
            raise StoreError("down")

        patch.setattr(gateway.store, "get_aged", fail)
        ann = gateway.as_user("ann", "viewer")
        assert gateway.client.get("/sla/status", headers=ann).status_code == 503
    assert gateway.client.get("/sla/status", headers=ann).status_code == 200
