"""The values that fields of a job request may have."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

NO_ID_COLUMN = "none"
"""The ``id_column`` of a job whose rows have no ``custom_id``."""

MOST_SAMPLE_ROWS = 10_000
"""The largest sample of an input: staging holds a sample in memory."""

CsvEncoding = Literal["utf-8", "utf-16", "windows-1252", "iso-8859-1", "shift_jis", "gb18030"]


class InputFormat(StrEnum):
    """How input objects are written; ``auto`` goes by the file name, then by the first lines."""

    AUTO = "auto"
    OPENAI_BATCH = "openai_batch"
    JSONL = "jsonl"
    PARQUET = "parquet"
    CSV = "csv"


class OutputFormat(StrEnum):
    """How results are delivered; ``auto`` answers in the format of the input."""

    AUTO = "auto"
    OPENAI_BATCH = "openai_batch"
    JSONL = "jsonl"
    PARQUET = "parquet"


class CsvOptions(BaseModel):
    """How CSV objects are written; what is not given is detected in each object, or has its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: Annotated[str, Field(pattern=r'^[^\w"\r\n\x00]$', description="One character such as ;")] | None = None
    """The character between fields; by default tab in ``.tsv`` objects, else that of the first lines."""
    header: bool = True
    """Whether the first line names the columns; without it they are ``column_1``, ``column_2``, ..."""
    encoding: CsvEncoding = "utf-8"


class OnDeadline(StrEnum):
    """What happens to the rows that have not begun when the deadline passes."""

    EXPIRE = "expire"
    FINISH = "finish"


class OnCancel(StrEnum):
    """What a cancel makes of a job: it ends without a result, or ends its open rows as cancelled and is delivered."""

    STOP = "stop"
    DELIVER = "deliver"


class OnInfeasible(StrEnum):
    """What happens to a job whose predicted end is after its deadline when it is submitted."""

    ACCEPT = "accept"
    REJECT = "reject"


class Reactions(BaseModel):
    """Automatic steps that a job allows once its deadline is at risk; by default none.

    They are taken in the order of the fields, each only if those before it do not suffice.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_replicas: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Grow the pool up to so many replicas."""
    pause_lower_priority: bool = False
    """Pause running jobs of a lower priority until this one is safe or over."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Shorten answers that have not begun to so many tokens."""
    fallback_model: str | None = None
    """Answer rows that have not begun with this model."""

    @property
    def is_empty(self) -> bool:
        """Whether no step is allowed."""
        return self == Reactions()


BatchSize = Annotated[int, Field(ge=1, le=1024, description="Rows decoded together by one replica.")]
Concurrency = Annotated[int, Field(ge=1, le=1024, description="Replicas of the engine.")]
BatchedTokens = Annotated[int, Field(ge=64, le=1_048_576, description="Tokens that a replica computes in one step.")]


class SpeedOptions(BaseModel):
    """Settings that change how fast an engine is and not what it answers; null: not set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: BatchSize | None = None
    concurrency: Concurrency | None = None
    max_num_batched_tokens: BatchedTokens | None = None
    enforce_eager: StrictBool | None = None
    """Whether the model runs without being compiled, which starts sooner."""
    chunked_prefill: StrictBool | None = None
    """Whether a long prompt is computed in parts, beside rows that are decoded."""


class EngineOptions(SpeedOptions):
    """Engine settings that a request may set over those of its model and of config.yaml."""

    tuned: StrictBool = True
    """Whether the settings that were adopted for the model apply, under the others of the request."""
    gpu_memory_utilization: Annotated[float, Field(ge=0.5, le=0.95)] | None = None
    max_model_len: Annotated[int, Field(ge=16, le=1_048_576)] | None = None
