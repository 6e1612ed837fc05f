"""The JSON lines of a delivered file."""

from __future__ import annotations

import json

from llmbatch.core.store import MemoryStore


def lines(store: MemoryStore, name: str) -> list[dict]:
    return [json.loads(line) for line in store.get(f"s3://b/out/{name}").decode().splitlines()]
