"""Parts of queries that several dashboards share."""

from __future__ import annotations

from llmbatch.core.metrics import JOB_DEADLINE, JOB_INFO, JOB_ROWS, Metric
from monitoring.dashboards.panels import Target

RATE = "$__rate_interval"
RANGE = "$__range"

GPU_MEMORY_RATIO = "ray_node_gram_used / (ray_node_gram_used + ray_node_gram_available)"
"""Part of each GPU's memory in use."""

GPU = "(instance, GpuIndex)"
"""Labels that tell GPUs apart."""

TIME_LEFT = f"max by (job_id) ({JOB_DEADLINE.name}) - time()"


ETA_TARGET = Target(1)
"""ETA over the time that is left: above 1 a job ends after its deadline."""


AT_RISK = 0.5
"""Probability of a miss above which a job is at risk."""


def counted(metric: Metric, by: str, window: str = RANGE, matchers: str = "") -> str:
    """Return how much a counter of events grew in a window, by labels.

    Its series begins with its first event, and ``increase`` counts from the first sample: so a series that did not
    exist when the window began counts with its value.
    """
    return _grown(f"{metric.name}{{{matchers}}}" if matchers else metric.name, by, window)


def per_job(metric: Metric, labels: str = "", matchers: str = "") -> str:
    """Return a metric of jobs, once for each job: each gateway exports it."""
    by = f"job_id, {labels}" if labels else "job_id"
    return f"max by ({by}) ({metric.name}{{{matchers}}})" if matchers else f"max by ({by}) ({metric.name})"


def by_model(function: str, expr: str) -> str:
    """Return an aggregate over the jobs of each model, of a query that has the label ``job_id`` only."""
    return f"{function} by (model) ({expr} * on (job_id) group_left (model) {per_job(JOB_INFO, 'model')})"


def failed_ratio(by: str = "", matchers: str = "") -> str:
    """Return the part of the rows with an answer or an error that are failed, as the alert does.

    Args:
        by: ``job_id``; empty: of all jobs together.
        matchers: of the jobs; empty: all.
    """
    grouped = f"sum by ({by})" if by else "sum"
    more = f", {matchers}" if matchers else ""
    failed = per_job(JOB_ROWS, "state", f'state="failed"{more}')
    ended = per_job(JOB_ROWS, "state", f'state=~"succeeded|failed"{more}')
    return f"{grouped} ({failed}) / ({grouped} ({ended}) > 0)"


def quantile(q: float, metric: Metric, by: str, window: str = RATE) -> str:
    """Return a quantile of a histogram, by labels."""
    return f"histogram_quantile({q}, sum by (le, {by}) (rate({metric.name}_bucket[{window}])))"


def mean(metric: str, by: str, window: str = RANGE) -> str:
    """Return the mean of a timer or histogram over a window, by labels. Its first event counts, as in ``counted``."""
    return f"{_grown(f'{metric}_sum', by, window)} / {_grown(f'{metric}_count', by, window)}"


def _grown(series: str, by: str, window: str) -> str:
    return f"sum by ({by}) (({series} unless {series} offset {window}) or increase({series}[{window}]))"
