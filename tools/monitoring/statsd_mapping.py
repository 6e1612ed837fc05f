"""The mapping of the official statsd_exporter, from the catalogue of metrics."""

from __future__ import annotations

import yaml

from llmbatch.core.metrics import CATALOGUE, Kind, Metric, Source

PREFIX = "airflow"
"""``[metrics] statsd_prefix``."""

NOISE = (
    "airflow.dag_processing.last_duration",
    "airflow.dag_processing.last_num_of_db_queries.*",
    "airflow.dag_processing.last_run.seconds_ago",
    "airflow.dag_processing.processes",
    "airflow.serde.load_serializers",
    "airflow.airflow.io.load_filesystems",
)
"""Of Airflow: a series for each DAG file, and the start of each process."""

_HEAD = """\
# Which StatsD names of Airflow become which metrics, for the official statsd_exporter (from v0.23 on). Generated from
# core/metrics.py by `make monitoring`. Airflow needs, in the section [metrics]: statsd_on = True,
# statsd_influxdb_enabled = True, legacy_names_on = False, statsd_prefix = airflow. Tags then become labels, and all
# names of Airflow that are not listed keep theirs: airflow_scheduler_heartbeat, airflow_pool_open_slots{pool_name}.
# The exporter turns milliseconds into seconds.
"""


def rule_of(metric: Metric) -> dict[str, object]:
    """Return the entry of ``mappings`` for one event."""
    rule: dict[str, object] = {
        "match": f"{PREFIX}.{metric.statsd_name}",
        "match_metric_type": "observer" if metric.kind is Kind.HISTOGRAM else metric.kind.value,
        "name": metric.name,
        "help": metric.help,
    }
    if metric.kind is Kind.HISTOGRAM:
        rule |= {"observer_type": "histogram", "histogram_options": {"buckets": list(metric.buckets)}}
    return rule


def statsd_mapping() -> str:
    """Return the file: events of the catalogue, then what is dropped."""
    events = [rule_of(metric) for metric in CATALOGUE if metric.source is Source.EVENT]
    noise = [{"match": name, "action": "drop", "name": "dropped"} for name in NOISE]
    return _HEAD + yaml.safe_dump({"mappings": [*events, *noise]}, sort_keys=False, width=115, allow_unicode=True)
