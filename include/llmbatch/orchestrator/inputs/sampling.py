"""A row's sampling parameters over the job's, as JSON text for its request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ValidationError

from llmbatch.core.errors import RowError
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS, Sampling, sampling_of_body
from llmbatch.core.states import ErrorClass

_CACHE_ENTRIES = 4096

canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""Serialise so that equal values give equal bytes."""


class RowSampling(NamedTuple):
    """A row's sampling parameters as JSON text, and the output tokens that they allow."""

    text: str
    max_tokens: int


class _Merged(NamedTuple):
    values: dict[str, object]
    max_tokens: int

    def serialised(self) -> RowSampling:
        return RowSampling(canonical(self.values), self.max_tokens)


class SamplingMerge:
    """Merges and serialises sampling parameters. Most rows of a file have the same, so merges are cached."""

    def __init__(self, job: Sampling) -> None:
        self._job = job
        self._cache: dict[str, _Merged] = {}
        self._default = self._merge({}).serialised()

    def merged(self, body: Mapping[str, object]) -> RowSampling:
        """Return a row's parameters over the job's; ``max_tokens`` is always set.

        Raises:
            RowError: an unknown key or a value out of range, by name.
        """
        if not body:
            return self._default
        seed = body.get("seed")
        if type(seed) is int and -(2**63) <= seed < 2**63:  # often different in every row: not worth caching
            merged = self._cached({name: value for name, value in body.items() if name != "seed"})
            return merged._replace(values={**merged.values, "seed": seed}).serialised()
        return self._cached(body).serialised()

    def _cached(self, body: Mapping[str, object]) -> _Merged:
        key = repr(body)
        merged = self._cache.get(key)
        if merged is None:
            if len(self._cache) >= _CACHE_ENTRIES:
                self._cache.clear()
            merged = self._cache[key] = self._merge(body)
        return merged

    def _merge(self, body: Mapping[str, object]) -> _Merged:
        try:
            row = sampling_of_body(dict(body))  # type: ignore[arg-type]  # pydantic checks the values
            merged = row.over(self._job)
            max_tokens = merged.max_tokens if merged.max_tokens is not None else DEFAULT_MAX_TOKENS
            values = {**merged.model_dump(exclude_none=True), "max_tokens": max_tokens}
            Sampling.model_validate(values)  # a row's min_tokens against the job's max_tokens
        except ValidationError as error:
            raise RowError(ErrorClass.INVALID, _first_problem(error)) from None
        except ValueError as error:
            raise RowError(ErrorClass.INVALID, f"{error}") from None
        return _Merged(values, max_tokens)


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "sampling"
    if first["type"] == "extra_forbidden":
        return f"`{name}` is not a parameter that batch rows support. Remove it from the row"
    text = first["msg"].removeprefix("Value error, ")
    return f"`{name}`: {text[:1].lower()}{text[1:]}. Correct the value"
