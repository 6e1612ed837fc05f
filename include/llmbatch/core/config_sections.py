"""The sections of config.yaml, with the defaults of a deployment."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from llmbatch.core.addresses import checked_address
from llmbatch.core.layout import split_uri
from llmbatch.core.priority import DEFAULT_PRIORITY, Priority
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS, LONGEST_ANSWER
from llmbatch.core.serve_arguments import checked_serve_argument


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
    pending_minutes: Annotated[float, Field(gt=0)] = 20
    """From the submission until Ray starts a job. Longer than the 15 minutes after which Ray itself gives a reason."""
    entrypoint: str = "exec python -m llmbatch.cluster"
    py_modules: tuple[str, ...] = ()
    """Addresses of archives that Ray puts before its nodes' own packages: llmbatch, where no node has it."""

    @field_validator("py_modules")
    @classmethod
    def _are_archives(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if "://" not in address or not address.endswith((".zip", ".tar.gz")):
                raise ValueError(
                    f"{address!r} is not the address of a .zip or .tar.gz. A wheel is a zip: copy it under a name that "
                    "ends in .zip, for Ray would install a .whl by pip with all that it requires"
                )
        return value


class StagingConfig(Section):
    """How input becomes shards."""

    shard_rows: Annotated[int, Field(ge=1, le=100_000)] = 64
    shard_bytes: Annotated[int, Field(ge=1024)] = 8 * 2**20
    max_prompt_chars: Annotated[int, Field(ge=1)] = 400_000
    max_media_bytes: Annotated[int, Field(ge=0)] = 20 * 2**20
    """The most bytes of images, audio and video that a row may hold itself, as base64."""
    keep_bytes: Annotated[int, Field(ge=0)] = 16_384
    """The most bytes of a row's own columns that come back with its answer where a request does not name them."""


class HeartbeatConfig(Section):
    """How often a Ray job writes progress and reads control."""

    seconds: Annotated[float, Field(gt=0)] = 2


MOST_DAYS = 36_500
"""The most days that something is kept, other than for ever; more than that overflow the arithmetic of times."""


class RetentionConfig(Section):
    """How many days what is in the jobs folder is kept; null: for ever."""

    staged_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] | None = 7
    """The staged input of a finished job, from its end on."""
    jobs_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] | None = 90
    """A whole job folder: from its end on; of an unfinished job, from its last sign of life or its deadline on."""
    dead_generations_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] | None = 7
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


class LimitsConfig(Section):
    """What a request may set. A request above a limit is refused with the limit's name."""

    max_priority: Priority = DEFAULT_PRIORITY
    max_replicas: Annotated[int, Field(ge=1, le=1024)] = 16
    """For ``reactions.max_replicas``."""
    max_concurrency: Annotated[int, Field(ge=1, le=1024)] = 16
    """For ``engine.concurrency``."""
    max_tokens: Annotated[int, Field(ge=DEFAULT_MAX_TOKENS, le=LONGEST_ANSWER)] = LONGEST_ANSWER
    """For ``sampling.max_tokens`` and ``reactions.max_tokens``; a row that sets more is a failed row."""
    pausing: bool = False
    """Whether ``reactions.pause_lower_priority`` may be set."""
    models_only: bool = False
    """Whether a request may name the models of config.yaml only."""


class CostConfig(Section):
    """What a replica costs; null: unknown, and then no cost is shown."""

    usd_per_gpu_hour: Annotated[float, Field(ge=0)] | None = None


class ModelConfig(Section):
    """One named model."""

    uri: str
    revision: Annotated[str, Field(pattern=r"^[\w./-]+$")] | None = None
    """Commit, tag or branch of a hub id. Without one, each node loads what the hub offers when it first needs it."""
    max_model_len: Annotated[int, Field(ge=16)] | None = None
    serve: dict[Annotated[str, AfterValidator(checked_serve_argument)], JsonValue] = {}
    """Arguments of ``vllm serve`` for this model, by their names in Python: ``tool_call_parser: hermes``."""
    adapters: dict[Annotated[str, Field(min_length=1)], str] = {}
    """LoRA adapters: the name that a row's ``model`` asks for, and the address of its folder."""

    @model_validator(mode="after")
    def _only_hubs_have_revisions(self) -> ModelConfig:
        if self.revision is not None and (self.uri.startswith(("/", ".", "~")) or ":" in self.uri or "@" in self.uri):
            raise ValueError(f"revision is for hub ids like org/name, and uri is {self.uri!r}")
        return self

    @property
    def address(self) -> str:
        """The address under which the cluster loads the model: ``uri``, or ``uri@revision``."""
        return self.uri if self.revision is None else f"{self.uri}@{self.revision}"
