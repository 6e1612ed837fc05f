"""Which OpenAI endpoint the ``url`` of a batch line names."""

from __future__ import annotations

from urllib.parse import urlsplit

CHAT_URL, COMPLETION_URL = "/v1/chat/completions", "/v1/completions"


def kind_of_url(url: str) -> str | None:
    """Return the kind of request, None for any other endpoint.

    Only the end of the path counts: ``/chat/completions`` as Azure writes it, a full URL with any host and query, and a
    slash at the end are the same endpoint as ``/v1/chat/completions``.
    """
    try:
        path = "/" + urlsplit(url.strip()).path.strip("/")
    except ValueError:
        return None
    if path.endswith("/chat/completions"):
        return "chat"
    return "completion" if path.endswith("/completions") else None
