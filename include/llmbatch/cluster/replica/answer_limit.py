"""A row's request with a lower limit on its answer."""

from __future__ import annotations

import json
from dataclasses import replace

from llmbatch.cluster.engines.base import parse_row
from llmbatch.cluster.engines.demand import demand_of
from llmbatch.core.endpoints import ANSWER_LIMITS
from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow


def shortened(row: StagedRow, max_tokens: int | None) -> StagedRow:
    """Return the row with at most ``max_tokens`` output tokens an answer; the row itself where that changes nothing.

    A row whose answer must have a form keeps its limit, because a cut one is not valid and would fail: a JSON object, a
    regular expression, a call of a tool. So does a row whose ``min_tokens`` is above ``max_tokens``, and one that
    cannot be parsed (the engine's gate refuses it).
    """
    if max_tokens is None:
        return row
    try:
        endpoint, body = parse_row(row)
    except RowError:
        return row
    if demand_of(body).formed:
        return row
    found = [(key, body.get(key)) for key in ANSWER_LIMITS.get(endpoint, ())]
    least = body.get("min_tokens") or 0
    key, own = next(((key, own) for key, own in found if own is not None), ("", None))
    if not isinstance(own, int) or not isinstance(least, int) or own <= max_tokens or least > max_tokens:
        return row
    limit = row.answer_limit * max_tokens // own
    return replace(row, request=json.dumps({**body, key: max_tokens}), answer_limit=limit)
