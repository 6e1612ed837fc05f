"""The sections of config.yaml, with the defaults of a deployment."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from llmbatch.core.addresses import checked_address
from llmbatch.core.layout import split_uri


class Section(BaseModel):
    """What every section has: no unknown key, no later change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _own_bucket(validated: dict[str, Any]) -> tuple[str, ...]:
    return (f"s3://{split_uri(validated['base_uri'])[0]}",)


class StoreConfig(Section):
    """Where jobs live, which Airflow connection opens the store, and what requests may name in it."""

    base_uri: Annotated[str, Field(validate_default=True)] = "s3://llmbatch/llmbatch"
    conn_id: str = "llmbatch_s3"
    allowed_inputs: tuple[str, ...] | None = Field(default_factory=_own_bucket)
    """Prefixes from which requests may read; by default the bucket of ``base_uri``; null: whatever the key can."""
    allowed_outputs: tuple[str, ...] | None = Field(default_factory=_own_bucket)
    """Prefixes below which requests may deliver; the same default."""

    @field_validator("base_uri")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return checked_address(value).rstrip("/")

    @field_validator("allowed_inputs", "allowed_outputs")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else tuple(checked_address(prefix) for prefix in value)


class RayConfig(Section):
    """How Airflow reaches Ray and what one job of it is."""

    conn_id: str = "llmbatch_ray"
    poll_seconds: Annotated[float, Field(gt=0)] = 3
    poll_failures_tolerated: Annotated[int, Field(ge=0)] = 20
    entrypoint: str = "exec python -m llmbatch.cluster"


class StagingConfig(Section):
    """How input becomes shards."""

    shard_rows: Annotated[int, Field(ge=1, le=100_000)] = 64
    shard_bytes: Annotated[int, Field(ge=1024)] = 8 * 2**20
    max_prompt_chars: Annotated[int, Field(ge=1)] = 400_000


class HeartbeatConfig(Section):
    """How often a Ray job writes progress and reads control."""

    seconds: Annotated[float, Field(gt=0)] = 2


class RetentionConfig(Section):
    """How many days what is in the jobs folder is kept; null: for ever."""

    staged_days: Annotated[int, Field(ge=0)] | None = 7
    """The staged input of a finished job, from its end on."""
    jobs_days: Annotated[int, Field(ge=1)] | None = 90
    """A whole job folder: from its end on; of an unfinished job, from its last sign of life or its deadline on."""
    dead_generations_days: Annotated[int, Field(ge=1)] | None = 7
    """Superseded claims, crash records and probes, from the job's last sign of life on."""


class SlaConfig(Section):
    """When an alert is raised. Chances are P(miss), polls are in a row."""

    yellow_at: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """Part of the time from submission to the deadline."""
    red_above: Annotated[float, Field(gt=0, lt=1)] = 0.75
    red_polls: Annotated[int, Field(ge=1)] = 3
    red_for: Annotated[float, Field(ge=0, lt=1)] = 0.03
    """Part of the time to the deadline for which that must last: polls a few seconds apart are one evidence."""
    red_from: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Part of the work done before which nothing is red, for the estimate rests on few answers until then."""
    red_anyway_from: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Part of the time to the deadline from which a job may be red however little it has done."""
    calm_below: Annotated[float, Field(gt=0, lt=1)] = 0.15
    calm_polls: Annotated[int, Field(ge=1)] = 5


class CostConfig(Section):
    """What a replica costs; null: unknown, and then no cost is shown."""

    usd_per_gpu_hour: Annotated[float, Field(ge=0)] | None = None


class ModelConfig(Section):
    """One named model."""

    uri: str
    max_model_len: Annotated[int, Field(ge=16)] | None = None
