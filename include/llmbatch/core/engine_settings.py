"""Engine settings of one job: config.yaml's, with the request's options over them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from llmbatch.core.request_options import SpeedOptions


class EngineKind(StrEnum):
    """``vllm`` is the real engine; ``echo`` is a fake that repeats prompts, for tests and dry runs of the plumbing."""

    VLLM = "vllm"
    ECHO = "echo"


class Accelerator(StrEnum):
    """What a replica computes on."""

    CPU = "cpu"
    GPU = "gpu"


class EchoOptions(BaseModel):
    """How the fake engine behaves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds_per_row: Annotated[float, Field(ge=0)] = 0.0
    start_seconds: Annotated[float, Field(ge=0)] = 0.0
    fail_marker: str | None = None
    """A row whose prompt holds this text fails."""
    crash_marker: str | None = None
    """A row whose prompt holds this text kills the engine: no row is answered any more."""
    kill_marker: str | None = None
    """A row whose prompt holds this text kills the process that the engine is in, which leaves no trace of the row."""
    hang_marker: str | None = None
    """A row whose prompt holds this text blocks the process that the engine is in, for ever."""
    journal: str | None = None
    """Local folder where each replica notes every row that it answers, so that rows answered twice can be counted."""


_FIELD_OF = {"batch_size": "max_num_seqs"}


class EngineSettings(BaseModel):
    """Everything a replica needs to start. Units are in the names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: EngineKind = EngineKind.VLLM
    accelerator: Accelerator = Accelerator.CPU
    min_replicas: Annotated[int, Field(ge=1)] = 1
    max_replicas: Annotated[int, Field(ge=1)] = 1
    gpus_per_replica: Annotated[int, Field(ge=1)] = 1
    cpus_per_replica: Annotated[float, Field(ge=0)] = 1
    max_num_seqs: Annotated[int, Field(ge=1, le=1024)] = 256
    max_num_batched_tokens: Annotated[int, Field(ge=64)] = 4096
    max_model_len: Annotated[int, Field(ge=16)] | None = None
    dtype: str = "auto"
    """As vLLM names it. ``auto`` is the model's own, and float32 on a CPU without instructions for bfloat16."""
    enforce_eager: bool = True
    chunked_prefill: bool | None = None
    """Whether long prompts are computed in parts; null: as vLLM decides for the model, which is yes for most."""
    gpu_memory_utilization: Annotated[float, Field(ge=0.5, le=0.95)] = 0.9
    cpu_kvcache_gib: Annotated[int, Field(ge=1)] = 2
    cpu_threads_bind: str = "all"
    """``all``: one process with a thread per core, which the system may move. Else vLLM's VLLM_CPU_OMP_THREADS_BIND, as
    ``0-31``: a worker process whose threads stay on these cores."""
    window_factor: Annotated[float, Field(ge=1, le=8)] = 1.5
    """Rows admitted to a replica, as a multiple of ``max_num_seqs``."""
    shards_in_flight: Annotated[int, Field(ge=1, le=256)] = 12
    row_timeout_seconds: Annotated[float, Field(gt=0)] = 1800
    hang_seconds: Annotated[int, Field(ge=2, le=3600)] = 60
    """How long a replica's event loop may be blocked before it is killed. Nothing that it does takes a second."""
    drain_grace_seconds: Annotated[float, Field(ge=0)] = 120
    """How long a drained job may take to finish the shards that it has begun."""
    statistics: bool = False
    """Whether the engine reports its KV cache, preemptions and prefix cache. Costs CPU time at each step."""
    echo: EchoOptions = EchoOptions()

    @property
    def window_rows(self) -> int:
        """Rows in flight in one replica."""
        return max(1, int(self.max_num_seqs * self.window_factor))

    def with_options(self, options: SpeedOptions) -> EngineSettings:
        """Return these settings with options applied.

        ``batch_size`` sets ``max_num_seqs``; ``concurrency`` sets both replica bounds.
        """
        given = options.model_dump(exclude_none=True, exclude={"tuned"})
        changes: dict[str, object] = {_FIELD_OF.get(name, name): value for name, value in given.items()}
        if "concurrency" in changes:
            changes["min_replicas"] = changes["max_replicas"] = changes.pop("concurrency")
        return self.model_copy(update=changes)
