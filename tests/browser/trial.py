"""A page with everything that the scripts of the pages know, for tests of these scripts alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from jinja2 import ChoiceLoader, DictLoader
from pydantic import JsonValue

from llmbatch.gateway.pages.figures.figure import Figure, Figures, layout
from llmbatch.gateway.pages.pages import environment, fragment, page
from llmbatch.gateway.routers.ui.view import ViewDep
from llmbatch.gateway.wire.etags import conditional, weak_etag
from llmbatch.gateway.wire.failures import Failure

AT = datetime(2026, 11, 27, 3, 5, tzinfo=UTC)
SECONDS = 0.2
"""Between two polls."""

_PAGE = """
{% extends "base.html" %}{% set title = "Trial" %}{% set tab = "" %}
{% block main %}
<h1>Trial</h1>
<form data-filter="part" role="search"><label>Owner <input name="owner"></label>
<input type="hidden" name="sort" value=""></form>
<div id="part" data-poll="{{ view.ui }}/trial/part" data-every="{{ seconds }}" aria-busy="true"></div>
{% if drawn %}
<section data-figures="{{ view.ui }}/trial/figures" data-every="{{ seconds }}">
<figure><div data-figure="drawn"></div><figcaption>Drawn</figcaption></figure>
<figure id="none"><div data-figure="none"></div><figcaption>None</figcaption></figure>
</section>
{% endif %}
<button data-post="{{ view.ui }}/trial/scale" data-confirm="Give it <b>more</b>?" data-body='{"by": "page"}'
 data-fields='[{"name": "replicas", "label": "Replicas", "type": "number", "value": 2, "min": 1, "max": 8}]'>
Scale</button>
<button data-post="{{ view.ui }}/trial/refuse">Refuse</button>
<a href="/ui/leave" data-leave>Airflow</a>
{% endblock %}
"""
_PART = """<p id="text">{{ text }}</p><p id="owner">{{ owner }}</p><p id="at">{{ at | when(view) }}</p>
<details id="more"><summary>More</summary>inside</details><button id="again" data-set="sort" value="eta">Sort</button>
"""
_OUTER = """<!doctype html><html lang="en" class="{theme}"><title>outer</title>
<iframe title="inner" src="{path}" width="800" height="600"
 sandbox="allow-scripts allow-same-origin allow-forms allow-downloads"></iframe></html>"""


@dataclass
class Trial:
    """What the page shows, and what it asked for."""

    text: str = "one"
    value: float = 1.0
    asked: list[str] = field(default_factory=list)
    """Path, query and status of each request."""
    posted: list[JsonValue] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> int:
        """Return how many requests there were."""
        return len(self.asked)

    def router(self) -> APIRouter:
        """Return the routes of the page."""
        router = APIRouter(prefix="/ui", include_in_schema=False)

        @router.get("/trial")
        async def trial(view: ViewDep) -> Response:
            return page("trial.html", view, seconds=SECONDS, drawn=False)

        @router.get("/trial/drawn")
        async def drawn(view: ViewDep) -> Response:
            return page("trial.html", view, seconds=SECONDS, drawn=True)

        @router.get("/trial/part")
        async def part(request: Request, view: ViewDep, owner: str = "") -> Response:
            answer = fragment("trial_part.html", view, request, text=self.text, owner=owner, at=AT)
            self.asked.append(f"part?{request.url.query} {answer.status_code}")
            return answer

        @router.get("/trial/figures")
        async def figures(_: ViewDep, if_none_match: Annotated[str | None, Header()] = None) -> Response:
            line = Figure(
                data=({"type": "scatter", "x": [1, 2], "y": [1, self.value], "line": {"color": "#3b82d6"}},),
                layout=layout(x="hours"),
                summary="Two points.",
            )
            answer = Figures(figures={"drawn": line, "none": None})
            return conditional(answer, weak_etag(answer), if_none_match)

        @router.post("/trial/scale")
        async def scale(request: Request, _: ViewDep) -> dict[str, str]:
            self.posted.append(await request.json())
            return {"done": "The job has 4 replicas. <b>!</b>"}

        @router.post("/trial/refuse")
        async def refuse(_: ViewDep) -> None:
            raise Failure(409, "The job is over.")

        @router.get("/outer/{theme}")
        async def outer(theme: str, path: str = "/ui/trial") -> Response:
            return Response(_OUTER.format(theme=theme, path=path), media_type="text/html")

        @router.get("/leave")
        async def leave() -> Response:
            return Response("<!doctype html><title>left</title>", media_type="text/html")

        return router


@contextmanager
def templates() -> Iterator[None]:
    """Add the templates of the page to ours until the end of the block."""
    ours = environment().loader
    assert ours is not None
    environment().loader = ChoiceLoader([DictLoader({"trial.html": _PAGE, "trial_part.html": _PART}), ours])
    try:
        yield
    finally:
        environment.cache_clear()
