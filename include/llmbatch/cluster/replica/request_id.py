"""The id of the request that a row is."""

from __future__ import annotations

import hashlib


def request_id_of(job_id: str, row_id: str) -> str:
    """Return an id that is the same at every attempt of the row; vLLM puts it into the id of the response."""
    return hashlib.sha256(f"{job_id}\n{row_id}\ncompletion".encode()).hexdigest()[:32]
