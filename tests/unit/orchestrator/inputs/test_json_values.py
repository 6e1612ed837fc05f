"""Values of tables in the terms of JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from llmbatch.core.errors import RowError
from llmbatch.orchestrator.inputs.json_values import as_json


def test_what_json_has_a_form_for_stays() -> None:
    value = {"a": [1, 2.5, True, None, "x"], "b": {}}
    assert as_json(value, "c") == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2024-01-02T03:04:05.000006+00:00"),
        (date(2024, 1, 2), "2024-01-02"),
        (time(3, 4), "03:04:00"),
        (timedelta(days=1, seconds=2), "1 day, 0:00:02"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("é".encode(), "é"),
    ],
)
def test_other_values_become_text(value: object, text: str) -> None:
    assert as_json({"a": [(value,)]}, "c") == {"a": [[text]]}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "`c.a[1]` is NaN"),
        (float("-inf"), "`c.a[1]` is NaN, infinite"),
        (b"\xff", "`c.a[1]` is bytes that are not UTF-8"),
        (object(), "`c.a[1]` is of type object"),
    ],
)
def test_what_has_no_text_is_an_error_with_its_key(value: object, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        as_json({"a": [0, value]}, "c")
    assert caught.value.message.startswith(reason)
