"""What routes declare."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from fakes.gateway import fake_gateway
from llmbatch.gateway.access.authentication import OPEN
from llmbatch.gateway.routers.dependencies import caller_of


def calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls(inner)


def test_every_route_that_is_not_open_declares_its_caller() -> None:
    app = fake_gateway().client.app
    assert isinstance(app, FastAPI)
    routes = [route for route in app.routes if isinstance(route, APIRoute) and route.path not in OPEN]
    assert routes
    assert [route.path for route in routes if caller_of not in set(calls(route.dependant))] == []


def test_the_documentation_names_the_scheme_of_each_route() -> None:
    document = fake_gateway().client.get("/openapi.json").json()
    operations = {path: list(methods.values()) for path, methods in document["paths"].items() if path not in OPEN}
    assert all(one["security"] == [{"token": []}] for each in operations.values() for one in each)
    assert {"4XX", "5XX"} <= set(operations["/keys"][0]["responses"])
    assert "422" not in operations["/keys"][0]["responses"]


@pytest.mark.parametrize("path", ["/v1/files", "/v1/uploads", "/v1/batches"])
def test_who_may_start_nothing_brings_nothing_into_the_store(path: str) -> None:
    gateway = fake_gateway()
    assert gateway.client.post(path, json={}, headers=gateway.as_user("ann", "viewer")).status_code == 403
    assert gateway.client.post(path, json={}, headers=gateway.as_user("ann")).status_code == 400
    assert gateway.store.objects == {}
