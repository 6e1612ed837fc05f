"""The result of a dry run: ``dry_run.json``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from llmbatch.core.admission import Admission
from llmbatch.core.config_sections import CostConfig
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.input_size import InputSize
from llmbatch.core.progress import EtaSeconds

LONGEST_TOKEN = 8
"""Characters a token on average at most; words of ordinary text have 3 to 5."""
TEMPLATE_TOKENS = 64
"""What a chat template may add to a prompt."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bounds(_Part):
    """Bounds of an unknown number."""

    low: int = 0
    high: int = 0

    def __add__(self, other: Bounds) -> Bounds:
        return Bounds(low=self.low + other.low, high=self.high + other.high)


class CostBounds(_Part):
    """GPU hours, and their price in USD where one is configured, at P10, P50 and P90."""

    gpu_hours: tuple[float, float, float]
    usd: tuple[float, float, float] | None = None


class DryRun(_Part):
    """What a job would need. No engine was started and nothing was staged.

    Attributes:
        rows: input rows.
        invalid_rows: rows that cannot be read; with ``invalid_examples``, the first few by file and line.
        too_many_invalid: whether the job would fail because of them.
        prompt_tokens: of all readable rows, from their characters.
        output_tokens: no answer at all, or each as long as it may be.
        tuned: benchmark whose settings were adopted for the model and apply; null: none.
        max_model_len: tokens of prompt and answer that the model takes; null: the model's own limit, not known here.
        rows_too_long: rows whose prompt surely (``low``) and perhaps (``high``) leaves no room; null with
            ``max_model_len``.
        eta: seconds from the start of the Ray job, with the cluster to itself; null without history.
        admission: the decision about its deadline if it were submitted now.
    """

    schema_version: int = 1
    job_id: str
    rows: int
    invalid_rows: int
    invalid_examples: tuple[str, ...] = ()
    too_many_invalid: bool
    prompt_tokens: Bounds
    output_tokens: Bounds
    tuned: str | None = None
    max_model_len: int | None
    rows_too_long: Bounds | None
    size: InputSize
    eta: EtaSeconds | None
    cost: CostBounds | None
    admission: Admission

    def lines(self) -> list[str]:
        """Return the summary for the task log. Unknown numbers are shown as ``?``."""
        eta = f"{self.eta.p50:.0f}s (p10 {self.eta.p10:.0f}s, p90 {self.eta.p90:.0f}s)" if self.eta else "?"
        usd = "..".join(f"{value:.2f}" for value in self.cost.usd[::2]) if self.cost and self.cost.usd else "?"
        long = f"{self.rows_too_long.low}..{self.rows_too_long.high}" if self.rows_too_long else "?"
        return [
            f"dry run job={self.job_id} rows={self.rows} invalid_rows={self.invalid_rows} rows_too_long={long} "
            f"prompt_tokens={self.prompt_tokens.low}..{self.prompt_tokens.high} "
            f"output_tokens={self.output_tokens.low}..{self.output_tokens.high}",
            f"dry run job={self.job_id} wall_time={eta} usd={usd} verdict={self.admission.verdict.value} "
            f"tuned={self.tuned} reason={self.admission.reason!r}",
            *(f"dry run job={self.job_id} invalid: {example}" for example in self.invalid_examples),
        ]


def prompt_tokens(chars: int, utf8_bytes: int) -> Bounds:
    """Return bounds of a prompt's tokens. 80 characters of ASCII are 10 to 144: a token is at least one byte."""
    return Bounds(low=-(-chars // LONGEST_TOKEN), high=utf8_bytes + TEMPLATE_TOKENS)


def cost_of(eta: EtaSeconds | None, engine: EngineSettings, cost: CostConfig) -> CostBounds | None:
    """Return what the replicas cost for that long; None without GPUs or without an ETA."""
    if eta is None or engine.accelerator is not Accelerator.GPU:
        return None
    gpus = engine.max_replicas * engine.gpus_per_replica
    low, middle, high = (gpus * seconds / 3600 for seconds in (eta.p10, eta.p50, eta.p90))
    price = cost.usd_per_gpu_hour
    usd = (low * price, middle * price, high * price) if price is not None else None
    return CostBounds(gpu_hours=(low, middle, high), usd=usd)
