"""What vLLM's steps report, summed, without an engine."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.cluster.engines.vllm.statistics import Statistics, logger_of
from llmbatch.core.progress import EngineUse


def scheduler(kv: float, queries: int, hits: int) -> Any:
    return SimpleNamespace(kv_cache_usage=kv, prefix_cache_stats=SimpleNamespace(queries=queries, hits=hits))


def iteration(preempted: int) -> Any:
    return SimpleNamespace(num_preempted_reqs=preempted)


def test_steps_add_up_and_the_cache_is_as_of_the_last_one() -> None:
    found = Statistics()
    assert found.use == EngineUse(kv_cache=0)
    found.note(scheduler(0.5, 100, 0), iteration(0))
    found.note(None, iteration(2))
    found.note(scheduler(0.25, 60, 48), None)
    assert found.use == EngineUse(kv_cache=0.25, preemptions=2, prefix_queries=160, prefix_hits=48)


def test_a_vllm_that_names_them_otherwise_costs_the_counts_and_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    found = Statistics()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            found.note(SimpleNamespace(kv_usage=0.5), None)  # type: ignore[arg-type]
    assert found.use is None
    assert [record.message.partition(" ")[0] for record in caplog.records] == ["event=engine_statistics_unknown"]


def test_the_logger_stands_in_for_vllm_s_own() -> None:
    """vLLM makes a logger of its own beside one that is none of its kind, and gives each step's counts by position."""
    from vllm.v1.metrics.loggers import StatLoggerManager

    found = Statistics()
    config: Any = None
    manager = StatLoggerManager(config, custom_stat_loggers=[logger_of(found)], enable_default_loggers=False)
    assert len(manager.stat_loggers) == 1
    manager.log_engine_initialized()
    manager.record(scheduler(0.5, 8, 4), iteration(1), None, 0)
    manager.record_sleep_state(1, 1)
    manager.record_admission_rejection("capacity")
    manager.log()
    assert found.use == EngineUse(kv_cache=0.5, preemptions=1, prefix_queries=8, prefix_hits=4)
