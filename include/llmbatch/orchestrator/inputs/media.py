"""Images, audio and video that a row names: which addresses are allowed, and how many bytes a row may bring itself.

Nothing is fetched here. A replica reads the addresses, and checks them again.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from llmbatch.core.addresses import checked_address, is_host_of, is_under
from llmbatch.core.errors import RowError
from llmbatch.core.serving import Serving
from llmbatch.core.states import ErrorClass


class Weight(NamedTuple):
    """Characters to be read as text, and bytes of media in the row itself (as base64)."""

    chars: int = 0
    media_bytes: int = 0

    def plus(self, other: Weight) -> Weight:
        """Return the sum."""
        return Weight(self.chars + other.chars, self.media_bytes + other.media_bytes)


class MediaRules:
    """Checks the media of one job's rows."""

    def __init__(self, serving: Serving, max_bytes: int) -> None:
        self._domains, self._prefixes = tuple(map(str.lower, serving.media_domains)), serving.media_prefixes
        self._max_bytes = max_bytes

    def weight_of_address(self, address: object, where: str) -> Weight:
        """Return what an address weighs: a ``data:`` address its own length, any other nothing.

        Raises:
            RowError: it is no text, or is none of ``data:``, an ``s3://`` address under ``store.allowed_inputs``, and
                an address of one of ``media_domains``.
        """
        if not isinstance(address, str) or not address:
            raise _invalid(f"`{where}` has no address", "Write a data: or s3:// address")
        scheme = address[:8].lower()
        if scheme.startswith("data:"):
            return Weight(media_bytes=len(address))
        if scheme.startswith("s3://"):
            self._check_object(address, where)
        elif scheme.startswith(("http://", "https://")):
            self._check_host(address, where)
        else:
            raise _invalid(f"`{where}` is no data:, s3:// or http(s) address", "Write one of these")
        return Weight()

    def check_size(self, weight: Weight) -> None:
        """Raise ``RowError`` if the row itself holds more bytes of media than are allowed."""
        if weight.media_bytes > self._max_bytes:
            raise RowError(
                ErrorClass.TOO_LONG,
                f"the row holds {weight.media_bytes} bytes of media, more than staging.max_media_bytes "
                f"{self._max_bytes}. Put them into the store and name their s3:// addresses, or raise the limit",
            )

    def _check_object(self, address: str, where: str) -> None:
        try:
            checked_address(address)
        except ValueError as error:
            raise _invalid(f"`{where}` {error}", "Correct the address") from None
        if self._prefixes is not None and not any(is_under(address, prefix) for prefix in self._prefixes):
            raise _invalid(f"`{where}` is outside of what store.allowed_inputs allows", "Use an address under it")

    def _check_host(self, address: str, where: str) -> None:
        try:
            host = (urlsplit(address).hostname or "").lower()
        except ValueError:
            host = ""
        if not is_host_of(host, self._domains):
            raise _invalid(
                f"`{where}` is of the host {host[:80]!r}, which media_domains of config.yaml does not name",
                "Put the file into the store and name its s3:// address",
            )


def _invalid(problem: str, fix: str) -> RowError:
    return RowError(ErrorClass.INVALID, f"{problem}. {fix}")
