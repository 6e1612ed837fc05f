"""Addresses: what is refused, and which one is under which."""

from __future__ import annotations

import pytest

from llmbatch.core.addresses import checked_address, is_host_of, is_under


@pytest.mark.parametrize("uri", ["s3://b", "s3://b/", "s3://b/a b/ä/…/x.y", "s3://b/a//b", "s3://b/a..b/.hidden"])
def test_an_address_stays_as_it_is(uri: str) -> None:
    assert checked_address(uri) == uri


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("/local", "s3://bucket/key"),
        ("s3://b/a\nevent=forged", r"the control character '\\n'"),
        ("s3://b/\x1b[2J", r"'\\x1b'"),
        ("s3://b/\u2028", r"'\\u2028'"),
        ("s3://b/\x85", r"'\\x85'"),
        ("s3://b/\ud800", r"'\\ud800'"),
        ("s3://b/in/../jobs", "a part"),
        ("s3://b/./x", "a part"),
    ],
)
def test_what_a_log_or_a_store_misreads_is_refused_with_the_escaped_text(uri: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        checked_address(uri)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("uri", "folder", "expected"),
    [
        ("s3://b/in", "s3://b/in", True),
        ("s3://b/in/", "s3://b/in", True),
        ("s3://b/in/x/y", "s3://b/in/", True),
        ("s3://b/input2", "s3://b/in", False),
        ("s3://b/in", "s3://b/in/x", False),
        ("s3://b/in", "s3://b", True),
        ("s3://b2/in", "s3://b", False),
        ("s3://b", "s3://b/", True),
        ("s3://b//in", "s3://b/in", False),
    ],
)
def test_addresses_are_compared_by_bucket_and_parts(uri: str, folder: str, expected: bool) -> None:
    assert is_under(uri, folder) is expected


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("a.example", True),
        ("b.c.example", True),
        ("c.example", False),
        ("bc.example", False),
        ("x.a.example", False),
        ("a.example.evil", False),
        ("", False),
    ],
)
def test_a_domain_with_a_leading_dot_stands_for_all_hosts_below_it(host: str, is_one: bool) -> None:
    assert is_host_of(host, ("a.example", ".c.example")) is is_one
