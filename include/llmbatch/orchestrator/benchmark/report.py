"""``report.json`` and ``report.md`` of a benchmark: what was measured with each setting, and which one is best."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.engine_settings import Accelerator
from llmbatch.core.request_options import SpeedOptions

UNKNOWN = "-"
SHORT_SECONDS = 20.0
"""An engine fills its batch first and empties it last: with less work than this, the figures show little else."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class EngineUsed(_Part):
    """What the engine of a job ran with, every default resolved."""

    batch_size: int
    concurrency: int
    max_num_batched_tokens: int
    enforce_eager: bool
    chunked_prefill: bool | None


class SettingResult(_Part):
    """One setting. The figures are of the time in which rows were processed; null: not known.

    Attributes:
        setting: what the grid sets; null fields are config.yaml's.
        engine: what the engine ran with; null if the job was not accepted.
        problem: why it cannot be the best; empty: it can.
        rows: rows of the sample, of which ``succeeded`` were answered and ``unreadable`` never reached an engine.
        start_seconds: until the first replica had loaded its engine.
        work_seconds: in which rows were processed.
        requests_per_second: answered rows a second, of all replicas together.
        output_tokens_per_second: as above.
        latency_p50: seconds from a row's admission to an engine to its answer; also ``latency_p95``.
        peak_memory_mb: host memory of the replica that needed most, in MiB; not that of a GPU.
        usd_per_million_tokens: prompt and completion, engine start included, if a price is configured.
    """

    number: int
    run_id: str
    job_id: str
    setting: SpeedOptions
    engine: EngineUsed | None = None
    problem: str = ""
    rows: int = 0
    succeeded: int = 0
    unreadable: int = 0
    start_seconds: float | None = None
    work_seconds: float | None = None
    requests_per_second: float | None = None
    output_tokens_per_second: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    peak_memory_mb: int | None = None
    usd_per_million_tokens: float | None = None

    @property
    def note(self) -> str:
        """What a reader of the table must know about the row."""
        if self.problem:
            return self.problem
        is_short = self.work_seconds is not None and self.work_seconds < SHORT_SECONDS
        return "rough: little work, take a larger sample" if is_short else ""


class BenchmarkReport(_Part):
    """All settings of a benchmark, in the order in which they ran.

    ``best`` is the number of the setting with the most output tokens a second among those without a problem; null:
    none. ``sampled_of`` are the rows of the input from which the sample was taken; null: no job has read it.
    """

    schema_version: int = 1
    benchmark_id: str
    run_id: str
    model: str
    accelerator: Accelerator
    input_uri: str
    sampled_of: int | None
    written_at: AwareDatetime
    settings: tuple[SettingResult, ...]
    best: int | None

    @property
    def best_setting(self) -> SettingResult | None:
        """The result that ``best`` names."""
        return next((each for each in self.settings if each.number == self.best), None)

    def table(self) -> str:
        """Return the settings as a table in Markdown; the best one is marked with ``*``."""
        rows = [
            [*_COLUMNS],
            ["---"] * len(_COLUMNS),
            *(_cells(each, is_best=each.number == self.best) for each in self.settings),
        ]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)

    def markdown(self) -> str:
        """Return the report for a person."""
        of = "?" if self.sampled_of is None else f"{self.sampled_of}"
        best = f"Best: setting {self.best}." if self.best is not None else "No setting can be called the best."
        head = (
            f"# Benchmark {self.benchmark_id}\n\nModel `{self.model}` on {self.accelerator.value}, run `{self.run_id}`."
        )
        return f"{head}\nInput `{self.input_uri}`, a sample of its {of} rows. {best}\n\n{self.table()}\n"


def best_of(results: tuple[SettingResult, ...]) -> int | None:
    """Return the number of the setting with the most output tokens a second; of equal ones the first."""
    good = [each for each in results if not each.problem and each.output_tokens_per_second is not None]
    return max(good, key=lambda each: each.output_tokens_per_second or 0.0).number if good else None


_COLUMNS = (
    "setting", "batch size", "concurrency", "batched tokens", "eager", "chunked prefill", "req/s", "output tok/s",
    "p50 s", "p95 s", "host MiB", "$/M tokens", "start s", "work s", "rows", "note",
)  # fmt: skip


def _cells(result: SettingResult, *, is_best: bool) -> list[str]:
    used = result.engine
    shown = [None] * 5 if used is None else list(used.model_dump().values())
    figures = (
        (result.requests_per_second, 2), (result.output_tokens_per_second, 1), (result.latency_p50, 2),
        (result.latency_p95, 2), (result.peak_memory_mb, 0), (result.usd_per_million_tokens, 4),
        (result.start_seconds, 1), (result.work_seconds, 1),
    )  # fmt: skip
    return [
        f"{result.number}{' *' if is_best else ''}",
        *(_word(value) for value in shown),
        *(UNKNOWN if value is None else f"{value:.{digits}f}" for value, digits in figures),
        f"{result.succeeded}/{result.rows - result.unreadable}",
        result.note.replace("|", "\\|") or UNKNOWN,
    ]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return UNKNOWN if value is None else str(value)
