"""``GET /ui/static/…``: scripts and styles of the pages. ``GET /ui/icon.svg``: the picture in Airflow's navigation."""

from __future__ import annotations

import asyncio
import gzip
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response

from llmbatch.gateway.pages.assets import load_assets
from llmbatch.gateway.routers.dependencies import CallerDep
from llmbatch.gateway.wire.failures import Failure

router = APIRouter(prefix="/ui", include_in_schema=False)


@router.get("/static/{digest}/{name}")
async def asset(
    _: CallerDep,
    digest: Annotated[str, Path(max_length=64)],
    name: Annotated[str, Path(max_length=100)],
    accept_encoding: Annotated[str, Header(max_length=1000)] = "",
) -> Response:
    """Return a file. Its address changes with its contents, so a browser never asks twice."""
    assets = await asyncio.to_thread(load_assets)
    if (found := assets.by_name.get(name)) is None or digest != assets.digest:
        raise Failure(404, "There is no such file in this release. Load the page again.", code="unknown_route")
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if "gzip" not in accept_encoding:
        return Response(await asyncio.to_thread(gzip.decompress, found.gzipped), 200, headers, found.media_type)
    return Response(found.gzipped, 200, {**headers, "Content-Encoding": "gzip"}, found.media_type)


@router.get("/icon.svg")
async def icon(_: CallerDep) -> Response:
    """Return the icon under an address that stays, since the plugin names it."""
    found = (await asyncio.to_thread(load_assets)).by_name["icon.svg"]
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(await asyncio.to_thread(gzip.decompress, found.gzipped), 200, headers, found.media_type)
