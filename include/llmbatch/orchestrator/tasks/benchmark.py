"""The bodies of the tasks of ``llmbatch_benchmark``, and its form."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import Param, get_current_context

from llmbatch.core.benchmark_request import JOB_FIELDS, BenchmarkRequest, parse_benchmark
from llmbatch.core.clock import SystemClock
from llmbatch.core.identity import benchmark_id_of
from llmbatch.core.shown import shown
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.tasks.form import form_params
from llmbatch.orchestrator.tasks.inference import final_unless_retryable

_LISTS = {
    "batch_sizes": ("Batch sizes", "Rows decoded together by one replica, e.g. [64, 128, 256]."),
    "concurrencies": ("Concurrencies", "Numbers of replicas, e.g. [1, 2]."),
    "max_num_batched_tokens": ("Batched tokens", "Tokens that a replica computes in one step, e.g. [2048, 8192]."),
    "enforce_eager": ("Eager", "[true, false] compares a model that is not compiled with one that is."),
    "chunked_prefill": ("Chunked prefill", "[true, false] compares long prompts in parts with long prompts at once."),
}
_SETTINGS = "2. Settings to compare"
_log = logging.getLogger(__name__)


def benchmark_params() -> dict[str, Param]:
    """Return the form: the input and model of a job, the sample, and a list of values for each setting."""
    schema = BenchmarkRequest.model_json_schema()["properties"]
    lists = {
        name: Param(
            [],
            type=["array", "null"],
            items=schema[name]["items"],
            title=title,
            description=f"{text} Empty: as in config.yaml.",
            section=_SETTINGS,
        )
        for name, (title, text) in _LISTS.items()
    }
    samples = schema["num_samples"]
    own = {
        "num_samples": Param(
            samples["default"],
            type="integer",
            minimum=samples["minimum"],
            maximum=samples["maximum"],
            title="Rows of the sample",
            description="The same rows for every setting. Enough for a minute of work; less gives rough figures.",
        ),
        "max_tokens": Param(
            None, type=["null", "integer"], minimum=1, title="Tokens of an answer at most",
            description="For rows that do not set their own.",
        ),
        **lists,
        "batch_size": Param(
            None, type=["null", "integer"], title="One batch size", section=_SETTINGS,
            description="In place of a list.",
        ),
        "concurrency": Param(
            None, type=["null", "integer"], title="One concurrency", section=_SETTINGS,
            description="In place of a list.",
        ),
        "adopt": Param(
            False, type="boolean", title="Adopt the best setting", section="3. Adoption",
            description="Later jobs of this model, of all users, start from it. It may need a user of `admins`.",
        ),
    }  # fmt: skip
    fields = form_params()
    return {**{name: fields[name] for name in JOB_FIELDS}, **own}


@final_unless_retryable
def plan() -> list[dict[str, Any]]:
    """Check the form, and return the run id and the request of each job."""
    from llmbatch.orchestrator.benchmark.plan import plan as plan_jobs

    context = get_current_context()
    run_id = context["dag_run"].run_id
    request = parse_benchmark({**context["params"], **(context["dag_run"].conf or {})})
    jobs = plan_jobs(request, benchmark_id_of(run_id), load_settings(), _owner(context))
    _log.info("event=planned benchmark_id=%s settings=%d", benchmark_id_of(run_id), len(jobs))
    return [job.model_dump(mode="json") for job in jobs]


@final_unless_retryable
def compare(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Write the report, log its table, and adopt the best setting if the form says so. Return what was found."""
    from llmbatch.core.layout import benchmark_uri
    from llmbatch.orchestrator.benchmark.adoption import adopt
    from llmbatch.orchestrator.benchmark.comparison import compare as compare_jobs
    from llmbatch.orchestrator.benchmark.plan import PlannedJob
    from llmbatch.orchestrator.deployment.store import open_store

    context = get_current_context()
    config, now = load_settings(), SystemClock().now()
    store = open_store(config.store.conn_id)
    run_id = context["dag_run"].run_id
    request = parse_benchmark({**context["params"], **(context["dag_run"].conf or {})})
    report = compare_jobs(
        [PlannedJob.model_validate(job) for job in jobs],
        benchmark_id=benchmark_id_of(run_id),
        run_id=run_id,
        model=request.model or config.default_model,
        engine=config.engine,
        base_uri=config.store.base_uri,
        store=store,
        now=now,
    )
    for line in report.table().splitlines():
        _log.info("event=benchmark %s", shown(line))
    tuned = adopt(report, config, store, by=_owner(context), now=now) if request.adopt else None
    best = report.best_setting
    return {
        "benchmark_id": report.benchmark_id,
        "report_uri": f"{benchmark_uri(config.store.base_uri, report.benchmark_id)}report.json",
        "settings": len(report.settings),
        "best": None if best is None else {"number": best.number, **best.setting.model_dump(exclude_none=True)},
        "adopted": tuned is not None,
    }


def _owner(context: Any) -> str:
    return context["dag_run"].triggering_user_name or ""
