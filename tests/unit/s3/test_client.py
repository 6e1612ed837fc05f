from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llmbatch.s3.client import open_environment_store, parse_stamp


@pytest.mark.parametrize(
    "text",
    ["2030-01-02T03:04:05Z", "2030-01-02T03:04:05.000Z", "Wed, 02 Jan 2030 03:04:05 GMT", "1893553445"],
)
def test_every_form_of_a_time_is_read(text: str) -> None:
    assert parse_stamp(text) == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_store_reads_times_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = open_environment_store()._client
    assert client._endpoint._response_parser_factory._defaults["timestamp_parser"] is parse_stamp
