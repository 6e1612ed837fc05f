from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fakes.ray_task import Ti
from llmbatch.orchestrator.ray_jobs.links import RayDashboardLink, show_links

PAGE = "http://ray:8265/#/jobs/job-g1"


def operator(url: str | None) -> Any:
    return SimpleNamespace(dashboard_url=url)


@pytest.mark.parametrize(("stored", "link"), [("http://early", "http://early"), (None, "")])
def test_the_operator_s_address_replaces_the_stored_one(
    monkeypatch: pytest.MonkeyPatch, stored: str | None, link: str
) -> None:
    from airflow.sdk.execution_time.xcom import XCom

    monkeypatch.setattr(XCom, "get_value", lambda ti_key, key: {"ray_dashboard_link": stored}[key])
    key: Any = Ti()
    assert RayDashboardLink().get_link(operator(None), ti_key=key) == link
    assert RayDashboardLink().get_link(operator(PAGE), ti_key=key) == PAGE


@pytest.mark.parametrize(("url", "pushed"), [(PAGE, {"ray_dashboard_link": PAGE}), (None, {})])
def test_only_known_addresses_are_shown(url: str | None, pushed: dict[str, str]) -> None:
    ti = Ti()
    context: Any = {"ti": ti}
    show_links(operator(url), [RayDashboardLink()], context)
    assert ti.pushed == pushed
