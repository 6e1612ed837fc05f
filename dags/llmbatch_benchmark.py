"""Compares engine settings on a sample of an input: requests and tokens a second, latency, memory, price.

Start it from the form, by REST, or by `airflow dags trigger llmbatch_benchmark --conf '{"input_uri": …,
"batch_sizes": [64, 128], "enforce_eager": [true, false]}'`. Each setting of the grid is an ordinary job of
`llmbatch_inference` on the same rows, so later jobs start their estimates from what was measured.

* **plan** checks the form, and refuses what cannot run before any engine starts.
* **measure** runs the jobs one after the other; it is deferred while it waits. A setting that fails is a line of the
  table with its reason.
* **compare** writes `benchmarks/<benchmark id>/report.json` and `report.md`, and logs the table. With `adopt`, the
  best setting becomes the default of the model.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from llmbatch.orchestrator.tasks import benchmark, time_limits
from llmbatch.orchestrator.tasks.settings_in_turn import SettingsInTurn

with DAG(
    dag_id="llmbatch_benchmark",
    dag_display_name="LLM batch benchmark",
    description="Compares engine settings on a sample of an input, and can adopt the best one.",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags=["llmbatch", "benchmark"],
    params=benchmark.benchmark_params(),
    default_args={
        "owner": "llmbatch",
        "retries": 3,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
    },
):
    jobs: Any = task(task_id="plan", execution_timeout=time_limits.ACCEPT)(benchmark.plan)()
    measure = SettingsInTurn(task_id="measure", jobs=jobs)
    compared = task(task_id="compare", execution_timeout=time_limits.REPORT)(benchmark.compare)(jobs)

    measure >> compared
