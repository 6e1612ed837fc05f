"""Cost of a job: replicas multiplied by the time that they were allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.eta.trace import EstimateTrace
from llmbatch.core.manifest import CostRecord
from llmbatch.core.states import Phase

_WORK = (Phase.WORK.value, Phase.TAIL.value)


def cost_of(
    engine: EngineSettings,
    traces: Sequence[EstimateTrace],
    timing: Mapping[str, float],
    *,
    tokens: int | None,
    usd_per_gpu_hour: float | None,
) -> CostRecord:
    """Return the cost of a job, from its replicas' time over all generations.

    Two replicas of one GPU that load for 60 s and work for 1740 s are one GPU hour. A generation without a trace is not
    counted. If no generation has one, ``timing`` and the minimum number of replicas are used.

    Args:
        engine: the engine settings of the job.
        traces: the traces of its generations.
        timing: seconds by phase of the last generation.
        tokens: number of tokens for the price per million; None if they include those of other jobs.
        usd_per_gpu_hour: price in US dollars; None if it is not configured.
    """
    seconds = sum(_replica_seconds(trace, engine.min_replicas) for trace in traces)
    if not traces:
        held = timing.get(Phase.MODEL_LOAD.value, 0.0) + sum(timing.get(phase, 0.0) for phase in _WORK)
        seconds = held * engine.min_replicas
    on_gpus = engine.accelerator is Accelerator.GPU
    gpu_hours = seconds / 3600 * engine.gpus_per_replica if on_gpus else 0.0
    usd = gpu_hours * usd_per_gpu_hour if on_gpus and usd_per_gpu_hour is not None else None
    return CostRecord(
        replica_hours=round(seconds / 3600, 6),
        gpu_hours=round(gpu_hours, 6),
        usd=round(usd, 6) if usd is not None else None,
        usd_per_million_tokens=round(usd / tokens * 1e6, 6) if usd is not None and tokens else None,
    )


def work_seconds(traces: Sequence[EstimateTrace], timing: Mapping[str, float]) -> float:
    """Return the seconds in which rows were processed, of all generations; without traces, of the last one."""
    phases: list[Mapping[str, float]] = [trace.seconds_phase for trace in traces] or [timing]
    return sum(each.get(phase, 0.0) for each in phases for phase in _WORK)


def _replica_seconds(trace: EstimateTrace, least: int) -> float:
    """Return the replica seconds of one generation. While the first replicas load, they count as when they answer."""
    load = trace.seconds_phase.get(Phase.MODEL_LOAD.value, 0.0)
    live = [point for point in trace.points if point.replicas]
    if not live:
        worked = sum(trace.seconds_phase.get(phase, 0.0) for phase in _WORK)
        return (load + worked) * least
    begun = trace.points[trace.points.index(live[0]) :]
    return load * live[0].replicas + sum(
        before.replicas * (after.at - before.at).total_seconds() for before, after in pairwise(begun)
    )
