"""Addresses of images and audio, and what a row may bring itself."""

from __future__ import annotations

import pytest

from llmbatch.core.errors import RowError
from llmbatch.core.serving import Serving
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.media import MediaRules, Weight

RULES = MediaRules(Serving(media_domains=("Pictures.example",), media_prefixes=("s3://b/in",)), 100)


@pytest.mark.parametrize(
    ("address", "size"),
    [
        ("data:image/png;base64,AAAA", 26),
        ("DATA:,x", 7),
        ("s3://b/in/a.png", 0),
        ("https://pictures.example/a.png?token=secret", 0),
        ("http://PICTURES.example:8080/a", 0),
    ],
)
def test_allowed_addresses_weigh_what_they_hold(address: str, size: int) -> None:
    assert RULES.weight_of_address(address, "x") == Weight(0, size)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (None, "`x` has no address"),
        ("", "`x` has no address"),
        ({"url": "data:,x"}, "`x` has no address"),
        ("file:///etc/passwd", "is no data:, s3:// or http"),
        ("/etc/passwd", "is no data:, s3:// or http"),
        ("s3://b/input2/a", "outside of what store.allowed_inputs allows"),
        ("s3://b/in/../jobs/a", "has a part . or .."),
        ("https://pictures.example.evil/a?token=secret", "'pictures.example.evil', which media_domains"),
        ("https://pictures.example@evil/a", "'evil', which media_domains"),
        ("https://[broken/a", "'', which media_domains"),
    ],
)
def test_other_addresses_fail_the_row_without_their_query(address: object, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        RULES.weight_of_address(address, "x")
    assert reason in caught.value.message
    assert "secret" not in caught.value.message


def test_no_prefixes_allow_what_the_key_can_and_nothing_is_allowed_by_default() -> None:
    assert MediaRules(Serving(media_prefixes=None), 1).weight_of_address("s3://any/a", "x") == Weight()
    with pytest.raises(RowError):
        MediaRules(Serving(), 1).weight_of_address("s3://any/a", "x")


def test_a_row_has_a_limit_of_media() -> None:
    RULES.check_size(Weight(10**9, 100))
    with pytest.raises(RowError, match=r"101 bytes of media, more than staging\.max_media_bytes 100") as caught:
        RULES.check_size(Weight(0, 101))
    assert caught.value.error_class is ErrorClass.TOO_LONG
