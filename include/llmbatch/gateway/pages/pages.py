"""Templates to answers: whole pages, and fragments that their scripts poll.

Every value is escaped by Jinja2, and the Content-Security-Policy forbids scripts and styles inside of a page, so text
from outside stays text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from llmbatch.core.durations import duration
from llmbatch.core.shown import shown, shown_lines
from llmbatch.gateway.pages.assets import load_assets
from llmbatch.gateway.pages.zone import Zone, utc_now_text
from llmbatch.gateway.wire.etags import has_answer

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""The Content-Security-Policy of every page. Airflow shows pages in a frame of the same origin."""

HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}

UNKNOWN = "\N{EN DASH}"
"""What is shown for no value."""

_HEX = 32


@dataclass(frozen=True)
class View:
    """Who looks, and from where.

    Attributes:
        root: path under which the gateway is served, such as ``/llmbatch``; empty at ``/``.
        airflow_url: address of Airflow's UI without a slash at its end; empty on the same server.
        user: name of the user.
        zone: the reader's time zone.
    """

    root: str
    airflow_url: str
    user: str
    zone: Zone = field(default_factory=Zone)

    @property
    def ui(self) -> str:
        """Path of the pages."""
        return f"{self.root}/ui"

    @property
    def assets(self) -> str:
        """Path of the scripts and styles."""
        return f"{self.ui}/static/{load_assets().digest}"


def page(template: str, view: View, **values: object) -> Response:
    """Return a whole page. Blocks for a moment: it renders in this thread.

    Args:
        template: file below ``templates``; it extends ``base.html``.
        view: who looks.
        values: what the template shows.
    """
    return Response(render(template, view, **values), media_type="text/html; charset=utf-8", headers=HEADERS)


def fragment(template: str, view: View, request: Request, **values: object) -> Response:
    """Return a part of a page for a poll, or 304 if its text is that which the script has."""
    body = render(template, view, **values).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:_HEX]}"'
    headers = {**HEADERS, "ETag": etag, "Cache-Control": "private, no-cache"}
    if has_answer(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="text/html; charset=utf-8", headers=headers)


def render(template: str, view: View, **values: object) -> str:
    """Return a template as text, with ``view`` and ``values`` as its names."""
    return environment().get_template(template).render(view=view, **values)


@cache
def environment() -> Environment:
    """Return the templates with our filters. A name that a template lacks is an error."""
    found = Environment(
        loader=PackageLoader("llmbatch.gateway.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters.update(_FILTERS)
    return found


def _time(at: datetime | None, view: View, *, seconds: bool = False) -> Markup:
    """Return a ``<time>`` element in the reader's zone; a dash for no time."""
    if at is None:
        return Markup('<span class="none">{}</span>').format(UNKNOWN)
    return Markup('<time datetime="{}">{}</time>').format(utc_now_text(at), view.zone.text(at, seconds=seconds))


def _number(value: float | None, digits: int = 0) -> str:
    """Return a number with thin groups of thousands; a dash for an unknown one."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}".replace(",", "\u202f")


def _hours(value: float | None) -> str:
    """Return hours as a duration with words; a dash for an unknown one."""
    if value is None:
        return UNKNOWN
    return f"\N{MINUS SIGN}{duration(-value * 3600)}" if value < 0 else duration(value * 3600)


def _bytes(value: int | None) -> str:
    """Return a size: 1.5 MB."""
    if value is None:
        return UNKNOWN
    size = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


_FILTERS: Mapping[str, object] = {
    "when": _time,
    "number": _number,
    "hours": _hours,
    "bytes": _bytes,
    "shown": shown,
    "shown_lines": shown_lines,
}
