"""A row's sampling parameters over the job's, as the JSON text that goes into its request."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import ValidationError

from llmbatch.core.errors import RowError
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS, Sampling, sampling_of_body
from llmbatch.core.states import ErrorClass

_CACHE_ENTRIES = 4096

canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""Serialise so that equal values give equal bytes."""


class SamplingMerge:
    """Merges and serialises sampling; most rows of a file ask for the same, so answers are remembered."""

    def __init__(self, job: Sampling) -> None:
        self._job = job
        self._known: dict[str, dict[str, object]] = {}
        self._default = canonical(self._merged({}))

    def text_for(self, body: Mapping[str, object]) -> str:
        """Return the merged parameters as JSON; ``max_tokens`` is always set.

        Raises:
            RowError: an unknown key or a value out of range, by name.
        """
        if not body:
            return self._default
        seed = body.get("seed")
        if type(seed) is int and -(2**63) <= seed < 2**63:  # often another one in every row: not worth remembering
            rest = {name: value for name, value in body.items() if name != "seed"}
            return canonical({**self._remembered(rest), "seed": seed})
        return canonical(self._remembered(body))

    def _remembered(self, body: Mapping[str, object]) -> dict[str, object]:
        key = repr(body)
        merged = self._known.get(key)
        if merged is None:
            if len(self._known) >= _CACHE_ENTRIES:
                self._known.clear()
            merged = self._known[key] = self._merged(body)
        return merged

    def _merged(self, body: Mapping[str, object]) -> dict[str, object]:
        try:
            row = sampling_of_body(dict(body))  # type: ignore[arg-type]  # pydantic checks the values
            merged = row.over(self._job).model_dump(exclude_none=True)
            merged.setdefault("max_tokens", DEFAULT_MAX_TOKENS)
            Sampling.model_validate(merged)  # a row's min_tokens against the job's max_tokens
        except ValidationError as error:
            raise RowError(ErrorClass.INVALID, _first_problem(error)) from None
        except ValueError as error:
            raise RowError(ErrorClass.INVALID, f"{error}") from None
        return merged


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "sampling"
    if first["type"] == "extra_forbidden":
        return f"`{name}` is not a parameter that batch rows support. Remove it from the row"
    text = first["msg"].removeprefix("Value error, ")
    return f"`{name}`: {text[:1].lower()}{text[1:]}. Correct the value"
