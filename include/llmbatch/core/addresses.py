"""Addresses as people write them: checked when they come in, compared by bucket and path."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from llmbatch.core.layout import split_uri

_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's control characters, half surrogate pairs, and separators of lines and paragraphs."""


def checked_address(uri: str) -> str:
    """Return the address if it can be used in a key and in one line of a log.

    Raises:
        ValueError: it is no ``s3://`` address, holds a control character (the message shows it escaped), or a part
            ``.`` or ``..``, which some stores resolve as a folder of a file system.
    """
    _, key = split_uri(uri)
    control = next((char for char in uri if unicodedata.category(char) in _CONTROL), None)
    if control is not None:
        raise ValueError(f"holds the control character {control!a}")
    if {".", ".."} & {*key.split("/")}:
        raise ValueError("has a part . or .., and stores differ in what that means")
    return uri


def is_under(uri: str, folder: str) -> bool:
    """Whether an address is a folder or is below it. ``s3://b/in/x`` is under ``s3://b/in``, ``s3://b/input2`` not."""
    inner, outer = _parts(uri), _parts(folder)
    return inner[: len(outer)] == outer


def is_host_of(host: str, domains: Iterable[str]) -> bool:
    """Whether a host is one of some domains; ``.example.com`` stands for all hosts below it. All in small letters."""
    return any(host == domain or (domain.startswith(".") and host.endswith(domain)) for domain in domains)


def _parts(uri: str) -> tuple[str, ...]:
    bucket, key = split_uri(uri.rstrip("/"))
    return (bucket, *key.split("/")) if key else (bucket,)
