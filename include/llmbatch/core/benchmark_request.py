"""The request of a benchmark: a sample of an input, and the settings of the engine that are compared on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool, ValidationError

from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import (
    MOST_SAMPLE_ROWS,
    BatchedTokens,
    BatchSize,
    Concurrency,
    InputFormat,
    SpeedOptions,
)
from llmbatch.core.sampling import LONGEST_ANSWER
from llmbatch.core.sla_hours import DEFAULT_SLA_HOURS, SlaHours

MOST_SETTINGS = 32
"""Each setting is a job that starts its own engine."""

_SINGLE = {"batch_size": "batch_sizes", "concurrency": "concurrencies"}
"""Fields for one value, in place of a list."""
JOB_FIELDS = (
    "input_uri",
    "input_format",
    "prompt_column",
    "messages_column",
    "prompt_template",
    "system_prompt",
    "model",
    "sla_hours",
)
"""Fields that a benchmark shares with a job request."""


class BenchmarkRequest(BaseModel):
    """What a benchmark compares. An empty list leaves a setting as config.yaml has it; the grid is their product.

    ``adopt`` makes the best setting the default of the model. The other fields are those of a job request.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_uri: str
    input_format: InputFormat = InputFormat.AUTO
    prompt_column: str | None = None
    messages_column: str | None = None
    prompt_template: str | None = None
    system_prompt: str | None = None
    model: str | None = None
    num_samples: Annotated[int, Field(ge=1, le=MOST_SAMPLE_ROWS)] = 100
    max_tokens: Annotated[int, Field(ge=1, le=LONGEST_ANSWER)] | None = None
    batch_sizes: tuple[BatchSize, ...] = ()
    concurrencies: tuple[Concurrency, ...] = ()
    max_num_batched_tokens: tuple[BatchedTokens, ...] = ()
    enforce_eager: tuple[StrictBool, ...] = ()
    chunked_prefill: tuple[StrictBool, ...] = ()
    sla_hours: SlaHours = DEFAULT_SLA_HOURS
    adopt: StrictBool = False

    def settings(self) -> tuple[SpeedOptions, ...]:
        """Return the grid, each setting once. Batch sizes 64 and 128, eager and compiled, are four settings.

        Raises:
            RequestError: it has more than ``MOST_SETTINGS``.
        """
        lists = {
            "batch_size": self.batch_sizes,
            "concurrency": self.concurrencies,
            "max_num_batched_tokens": self.max_num_batched_tokens,
            "enforce_eager": self.enforce_eager,
            "chunked_prefill": self.chunked_prefill,
        }
        values = [tuple(dict.fromkeys(given)) or (None,) for given in lists.values()]
        size = math.prod(len(given) for given in values)
        if size <= MOST_SETTINGS:
            points = product(*values)
            return tuple(SpeedOptions.model_validate(dict(zip(lists, point, strict=True))) for point in points)
        longest = max(lists, key=lambda name: len(lists[name]))
        sizes = " x ".join(f"{len(given)} {name}" for name, given in lists.items() if given)
        raise RequestError(
            next((many for one, many in _SINGLE.items() if one == longest), longest),
            f"{sizes} are {size} settings, and each is a job of its own",
            f"Give at most {MOST_SETTINGS} in all.",
        )

    def job_conf(self, setting: SpeedOptions) -> dict[str, JsonValue]:
        """Return the request of the job that measures one setting; settings that were adopted do not apply to it."""
        given = self.model_dump(mode="json", include={*JOB_FIELDS}, exclude_none=True)
        sampling = {} if self.max_tokens is None else {"sampling": {"max_tokens": self.max_tokens}}
        engine = {**setting.model_dump(exclude_none=True), "tuned": False}
        return {**given, **sampling, "sample_rows": self.num_samples, "engine": engine}


def parse_benchmark(conf: Mapping[str, JsonValue]) -> BenchmarkRequest:
    """Validate what a user sent. A null or an empty text is not given; ``batch_size`` is a list of one value.

    Raises:
        RequestError: naming the first field that is wrong, its value and the fix.
    """
    given = {name: value for name, value in conf.items() if value is not None and value != ""}
    for one, many in _SINGLE.items():
        if one not in given:
            continue
        if given.get(many):
            raise RequestError(one, f"is given together with {many}", f"Keep {many}.")
        given[many] = [given.pop(one)]
    try:
        return BenchmarkRequest.model_validate(given)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        first = min(problems, key=lambda found: found["type"] != "extra_forbidden")
        field = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join([*BenchmarkRequest.model_fields, *_SINGLE])
            raise RequestError(field, "is not a field of a benchmark", f"Known fields: {known}.") from None
        shown = "" if first["type"] == "missing" else f" (got {first['input']!r:.80})"
        raise RequestError(
            field, f"{first['msg']}{shown}", "Correct the value and start the benchmark again."
        ) from None
