"""What a new file must be."""

from __future__ import annotations

import json

import pytest

from llmbatch.gateway.openai.files_checks import (
    HEAD_BYTES,
    checked_name,
    expires_after_of,
    require_lines,
    require_purpose,
)
from llmbatch.gateway.openai.files_spool import Spool
from llmbatch.gateway.wire.failures import Failure

LINE = b'{"custom_id": "a"}'


def problem(content: bytes) -> str:
    with Spool() as spool:
        spool.write(content)
        with pytest.raises(Failure) as found:
            require_lines(spool)
    assert (found.value.status, found.value.param, found.value.code) == (400, None, None)
    assert found.value.message.startswith("Invalid file format for Batch API. Must be .jsonl")
    return found.value.message


@pytest.mark.parametrize(
    "content",
    [
        LINE,
        LINE + b"\n" + LINE,
        b"\xef\xbb\xbf" + LINE,
        b"\r\n\n  " + LINE + b"\r\n",
        LINE + b"\nnot JSON",
        b'{"a": "' + b"x" * HEAD_BYTES + b'"}',
        LINE + b"\n" + b"x" * HEAD_BYTES,
    ],
)
def test_a_file_with_a_json_object_in_its_first_line_is_accepted(content: bytes) -> None:
    with Spool() as spool:
        spool.write(content)
        require_lines(spool)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n\r\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"a,b\n1,2\n", "not a JSON object"),
        (b"[1]\n", "not a JSON object"),
        (b'{"a": 1\n}', "not parseable"),
        (b"{" + b"\xff}", "not parseable"),
        (b'{"a":' * 100_000, "not parseable"),
        (b"PAR1" + b"\x00" * HEAD_BYTES, "not a JSON object"),
    ],
)
def test_another_file_is_refused_in_openai_s_words(content: bytes, words: str) -> None:
    assert words in problem(content)


def test_a_name_is_kept_as_far_as_it_can_be_printed() -> None:
    assert [checked_name(name) for name in ("ü b.jsonl", "upload", "", "a\n\x1b\u202e.JSONL", "../a.jsonl")] == [
        "ü b.jsonl", "upload", "upload", "a___.JSONL", "../a.jsonl",
    ]  # fmt: skip
    assert checked_name("x" * 300 + ".jsonl") == "x" * 249 + ".jsonl"
    for wrong in ("a.csv", "a.jsonl.gz", "a.json"):
        with pytest.raises(Failure, match=r"Must be \.jsonl: the name"):
            checked_name(wrong)


def test_the_purpose_is_batch() -> None:
    require_purpose("batch")
    for purpose, code in ((None, "missing_required_parameter"), ("vision", "invalid_value"), ("", "invalid_value")):
        with pytest.raises(Failure) as found:
            require_purpose(purpose)
        assert (found.value.status, found.value.param, found.value.code) == (400, "purpose", code)


def test_an_expiry_has_an_anchor_and_between_an_hour_and_thirty_days() -> None:
    assert expires_after_of({"purpose": "batch"}) is None
    for seconds in (3600, 2_592_000):
        found = expires_after_of({"expires_after[anchor]": "created_at", "expires_after[seconds]": str(seconds)})
        assert found is not None
        assert found.seconds == seconds


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"anchor": "created_at"}, "seconds"),
        ({"seconds": "3600"}, "anchor"),
        ({"anchor": "created_at", "seconds": "3599"}, "seconds"),
        ({"anchor": "created_at", "seconds": "2592001"}, "seconds"),
        ({"anchor": "created_at", "seconds": "1h"}, "seconds"),
        ({"anchor": "now", "seconds": "3600"}, "anchor"),
    ],
)
def test_another_expiry_is_refused_by_the_name_of_its_field(fields: dict[str, str], param: str) -> None:
    with pytest.raises(Failure) as found:
        expires_after_of({f"expires_after[{name}]": value for name, value in fields.items()})
    assert (found.value.status, found.value.param) == (400, f"expires_after[{param}]")
    assert json.dumps(found.value.body())
