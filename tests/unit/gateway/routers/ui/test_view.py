"""Who looks at a page, from where, in which zone."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import Request

from fakes.gateway import FakeGateway, fake_gateway
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.pages.pages import View
from llmbatch.gateway.routers.ui.view import view_of


def view(gateway: FakeGateway, root: str = "", tz: str | None = None) -> View:
    caller = Caller("ann", "Bearer user-ann", is_admin=False, key_id=None)
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "root_path": root})
    return asyncio.run(view_of(request, caller, gateway.parts, tz))


@pytest.mark.parametrize(
    ("root", "airflow_url"),
    [("", ""), ("/llmbatch", ""), ("/airflow/llmbatch", "/airflow"), ("/airflow/llmbatch/", "/airflow")],
)
def test_airflow_is_around_the_mounted_gateway(root: str, airflow_url: str) -> None:
    found = view(fake_gateway(), root)
    assert (found.root, found.airflow_url, found.user) == (root.rstrip("/"), airflow_url, "ann")


def test_airflow_elsewhere_is_the_configured_one() -> None:
    assert view(fake_gateway(gateway={"airflow_url": "https://a.example/x/"})).airflow_url == "https://a.example/x"


def test_the_zone_of_the_reader() -> None:
    assert view(fake_gateway(), tz="Asia/Tokyo").zone.name == "Asia/Tokyo"
    assert view(fake_gateway()).zone.name == "UTC"


def test_a_zone_has_a_bounded_name() -> None:
    gateway = fake_gateway()
    assert gateway.client.get("/ui/quality?tz=" + "x" * 65, headers=gateway.as_user("ann")).status_code == 400
