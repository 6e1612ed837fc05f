"""An answer that several requests share: its bytes, and 304 for a client that has them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

from fastapi import Response

from llmbatch.gateway.wire.etags import has_answer

_HEX = 32


@dataclass(frozen=True)
class Answer:
    """The body of an answer. Answers of equal bytes have one ETag.

    Attributes:
        headers: more headers of the answer.
        weak: an ETag to use instead, of an answer whose bytes change with time alone.
    """

    body: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)
    weak: str | None = None

    @cached_property
    def etag(self) -> str:
        """The ETag, quotes included."""
        return self.weak or f'"{hashlib.sha256(self.body).hexdigest()[:_HEX]}"'

    def to(self, if_none_match: str | None) -> Response:
        """Return the response to a client, 304 without a body if the header ``If-None-Match`` names the ETag."""
        headers = {**self.headers, "ETag": self.etag, "Cache-Control": "private, no-cache"}
        if has_answer(if_none_match, self.etag):
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)
