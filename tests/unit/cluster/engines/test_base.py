"""What every engine checks before it answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmbatch.cluster.engines.base import parse_row
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

BAD_ROWS = {
    "not JSON": (Endpoint.CHAT, "{", "not JSON"),
    "too deep": (Endpoint.CHAT, "[" * 100_000, "not JSON"),
    "not an object": (Endpoint.CHAT, "[]", "not a JSON object"),
    "no endpoint": ("/v1/chat", "{}", "url '/v1/chat' names no endpoint; use one of /v1/chat/completions, "),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_refused_by_name(make: Any, name: str) -> None:
    url, request, message = BAD_ROWS[name]
    with pytest.raises(RowError) as caught:
        parse_row(make.staged(1, url, request, "invalid"))
    assert caught.value.error_class is ErrorClass.INVALID
    assert message in caught.value.message


def test_requests_survive_the_trip_as_json(make: Any) -> None:
    row = make.chat(1, "\u2028 “quotes” \U0001f600", temperature=0.5, seed=1)
    assert parse_row(row) == (Endpoint.CHAT, json.loads(row.request))
