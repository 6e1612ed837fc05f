"""Which endpoint the ``url`` of a batch line names."""

from __future__ import annotations

from urllib.parse import urlsplit

from llmbatch.core.endpoints import Endpoint

_ENDINGS = {
    "/chat/completions": Endpoint.CHAT,
    "/completions": Endpoint.COMPLETIONS,
    "/responses": Endpoint.RESPONSES,
    "/audio/transcriptions": Endpoint.TRANSCRIPTIONS,
    "/embeddings": Endpoint.EMBEDDINGS,
    "/pooling": Endpoint.POOLING,
    "/classify": Endpoint.CLASSIFY,
    "/score": Endpoint.SCORE,
    "/rerank": Endpoint.RERANK,
}


def endpoint_of(url: str) -> Endpoint | None:
    """Return the endpoint, None for any other one.

    Only the end of the path counts: ``/chat/completions`` as Azure writes it, ``/v2/rerank``, a full URL with any host
    and query, and a slash at the end are the same endpoints as ``/v1/chat/completions`` and ``/v1/rerank``.
    """
    try:
        path = "/" + urlsplit(url.strip()).path.strip("/")
    except ValueError:
        return None
    return next((endpoint for ending, endpoint in _ENDINGS.items() if path.endswith(ending)), None)
