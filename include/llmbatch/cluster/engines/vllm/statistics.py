"""What vLLM counts at each step, for ``engine.statistics``."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmbatch.core.progress import EngineUse

if TYPE_CHECKING:
    from vllm.v1.metrics.loggers import AggregateStatLoggerBase
    from vllm.v1.metrics.stats import IterationStats, SchedulerStats

_log = logging.getLogger(__name__)


@dataclass
class Statistics:
    """Sums over the steps of one engine since its start; the KV cache as of the last step.

    vLLM does not declare what it hands over as stable. A version that names it otherwise costs the counts, not a row.
    """

    kv_cache: float = 0.0
    preemptions: int = 0
    prefix_queries: int = 0
    prefix_hits: int = 0
    _readable: bool = True

    @property
    def use(self) -> EngineUse | None:
        """The counts; None once they have been found unreadable."""
        if not self._readable:
            return None
        return EngineUse(
            kv_cache=round(self.kv_cache, 4),
            preemptions=self.preemptions,
            prefix_queries=self.prefix_queries,
            prefix_hits=self.prefix_hits,
        )

    def note(self, scheduler: SchedulerStats | None, iteration: IterationStats | None) -> None:
        """Take what one step reports. Does not raise: vLLM would fail every open row."""
        if not self._readable:
            return
        try:
            self._add(scheduler, iteration)
        except Exception as error:
            self._readable = False
            _log.warning("event=engine_statistics_unknown error=%s", f"{type(error).__name__}: {error}")

    def _add(self, scheduler: SchedulerStats | None, iteration: IterationStats | None) -> None:
        if scheduler is not None:
            self.kv_cache = scheduler.kv_cache_usage
            self.prefix_queries += scheduler.prefix_cache_stats.queries
            self.prefix_hits += scheduler.prefix_cache_stats.hits
        if iteration is not None:
            self.preemptions += iteration.num_preempted_reqs


def logger_of(statistics: Statistics) -> type[AggregateStatLoggerBase]:
    """Return a logger for vLLM that notes each step. It stands in for vLLM's own, which costs as much as a step."""
    from vllm.v1.metrics.loggers import PrometheusStatLogger

    class StepLogger(PrometheusStatLogger):
        def __init__(self, *_: object, **__: object) -> None:
            """Register nothing with Prometheus."""

        def record(
            self, scheduler_stats: SchedulerStats | None, iteration_stats: IterationStats | None, *_: Any, **__: Any
        ) -> None:
            statistics.note(scheduler_stats, iteration_stats)

        def log_engine_initialized(self) -> None:
            """Nothing to do."""

        def record_sleep_state(self, sleep: int = 0, level: int = 0) -> None:
            """Nothing to do: the engine never sleeps."""

        def record_admission_rejection(self, reason: str) -> None:
            """Nothing to do: rows are rejected by exceptions."""

    return StepLogger
