"""ETags differ with what has happened, not with the time."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from llmbatch.gateway.wire.etags import conditional, has_answer, weak_etag


class _Part(BaseModel):
    eta: float = 1.0
    rows: int = 5


class _Whole(BaseModel):
    parts: tuple[_Part, ...] = (_Part(),)


def test_fields_of_time_do_not_count_at_any_depth() -> None:
    later, more = _Whole(parts=(_Part(eta=0.5),)), _Whole(parts=(_Part(rows=6),))
    assert weak_etag(_Whole(), without=("eta",)) == weak_etag(later, without=("eta",))
    assert weak_etag(_Whole(), without=("eta",)) != weak_etag(more, without=("eta",))
    assert weak_etag(_Whole()) != weak_etag(later)


def test_a_version_counts() -> None:
    assert weak_etag(_Whole(), version="1") != weak_etag(_Whole(), version="2")


@pytest.mark.parametrize(
    ("header", "found"),
    [(None, False), ("", False), ('W/"a"', True), ('"a"', True), ('"b", W/"a"', True), ("*", True), ('"b"', False)],
)
def test_the_header_names_one_or_more_tags(header: str | None, found: bool) -> None:
    assert has_answer(header, 'W/"a"') is found


def test_304_has_no_body_and_names_the_etag() -> None:
    full, known = conditional(_Whole(), 'W/"a"', None), conditional(_Whole(), 'W/"a"', 'W/"a"')
    assert (full.status_code, known.status_code, known.body) == (200, 304, b"")
    assert known.headers["etag"] == full.headers["etag"] == 'W/"a"'
    assert full.headers["cache-control"] == "private, no-cache"
