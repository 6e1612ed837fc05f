"""``ray.data.llm``: Ray's own batch processor, with the engine settings given to it and its default batch of 32 rows.

Timed from the first row's admission to the engine to the last row on the driver, so that its start does not count.
"""

from __future__ import annotations

import logging
import time

from workload import Workload, read_workload, report


def measure(workload: Workload, started: float) -> None:
    """Run the processor over the rows and time the rows' way through it."""
    import ray
    import ray.data
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig

    ray.init(num_cpus=8, include_dashboard=False, logging_level=logging.ERROR, configure_logging=True)
    ray.data.DataContext.get_current().enable_progress_bars = False
    config = vLLMEngineProcessorConfig(
        model_source=workload.model,
        engine_kwargs={k: v for k, v in workload.engine_arguments.items() if v is not None},
        placement_group_config={"bundles": [{"CPU": 1}]},
        concurrency=1,
        log_engine_metrics=False,
    )

    def before(row: dict[str, object]) -> dict[str, object]:
        return {"messages": row["messages"], "sampling_params": {"max_tokens": row["max_tokens"], "temperature": 0.0}}

    def after(row: dict[str, object]) -> dict[str, object]:
        return {"tokens": row["num_generated_tokens"], "seconds": row["time_taken_llm"], "ended": time.time()}

    processor = build_processor(config, preprocess=before, postprocess=after)
    rows = [{"messages": Workload.messages(row), "max_tokens": Workload.max_tokens(row)} for row in workload.rows]
    answered = processor(ray.data.from_items(rows)).take_all()
    last = time.time()
    first = min(row["ended"] - row["seconds"] for row in answered)
    report(
        rows=len(answered), output_tokens=sum(row["tokens"] for row in answered), seconds=last - first, started=started
    )


if __name__ == "__main__":
    _started = time.monotonic()
    measure(read_workload(), _started)
