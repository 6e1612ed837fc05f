"""Sampling parameters of a job, in the terms of the OpenAI API: the short form of ``request``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DEFAULT_MAX_TOKENS = 256

LONGEST_ANSWER = 131_072
"""The largest ``max_tokens`` of any deployment."""

MOST_ANSWERS = 128
"""The largest ``n`` of a row."""

MOST_ROW_TOKENS = MOST_ANSWERS * LONGEST_ANSWER
"""The most output tokens of all answers of a row together."""


class Sampling(BaseModel):
    """How to sample one answer. Unset fields fall back to the job's, then to the engine's defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: Annotated[int, Field(ge=1, le=LONGEST_ANSWER, description="Most tokens of an answer.")] | None = None
    min_tokens: Annotated[int, Field(ge=0, le=LONGEST_ANSWER)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, description="0 is greedy.")] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1, lt=2**31)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: str | list[str] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    ignore_eos: bool | None = None

    @field_validator("stop")
    @classmethod
    def _no_empty_stop(cls, value: str | list[str] | None) -> str | list[str] | None:
        if value is not None and "" in (value if isinstance(value, list) else [value]):
            raise ValueError("holds an empty text, which no engine takes")
        return value

    @model_validator(mode="after")
    def _min_below_max(self) -> Sampling:
        if self.min_tokens and self.max_tokens and self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens {self.min_tokens} is more than max_tokens {self.max_tokens}")
        return self

    def over(self, base: Sampling) -> Sampling:
        """Return these parameters with every unset one taken from ``base``."""
        return base.model_copy(update=self.model_dump(exclude_none=True))
