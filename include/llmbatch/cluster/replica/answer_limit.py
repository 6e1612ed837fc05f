"""A row's request with a lower limit on its answer."""

from __future__ import annotations

import json
from dataclasses import replace

from llmbatch.core.rows import StagedRow
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS


def shortened(row: StagedRow, max_tokens: int | None) -> StagedRow:
    """Return the row with at most ``max_tokens`` output tokens; the row itself where that changes nothing.

    A row with an output schema keeps its limit, because a cut JSON object is not valid and would fail. So does a row
    whose ``min_tokens`` is above ``max_tokens``, and one that cannot be parsed (the engine's gate refuses it).
    """
    if max_tokens is None:
        return row
    try:
        request = json.loads(row.request)
    except (ValueError, RecursionError):
        return row
    if not isinstance(request, dict) or request.get("output_schema") is not None:
        return row
    sampling = request.get("sampling") or {}
    if not isinstance(sampling, dict):
        return row
    own, least = sampling.get("max_tokens") or DEFAULT_MAX_TOKENS, sampling.get("min_tokens") or 0
    if not isinstance(own, int) or not isinstance(least, int) or own <= max_tokens or least > max_tokens:
        return row
    limited = {**request, "sampling": {**sampling, "max_tokens": max_tokens}}
    return replace(row, request=json.dumps(limited), max_tokens=max_tokens)
