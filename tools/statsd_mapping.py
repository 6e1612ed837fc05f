"""Generate ``config/statsd/mapping.yml`` for the official statsd_exporter from the catalogue of metrics.

``--check`` compares instead of writing. Needs only core and PyYAML.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from llmbatch.core.metrics import CATALOGUE, Kind, Metric, Source

MAPPING = Path(__file__).parents[1] / "config" / "statsd" / "mapping.yml"

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
# core/metrics.py by tools/statsd_mapping.py. Airflow needs, in the section [metrics]: statsd_on = True,
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


def rendered() -> str:
    """Return the file: events of the catalogue, then what is dropped."""
    events = [rule_of(metric) for metric in CATALOGUE if metric.source is Source.EVENT]
    noise = [{"match": name, "action": "drop", "name": "dropped"} for name in NOISE]
    return _HEAD + yaml.safe_dump({"mappings": [*events, *noise]}, sort_keys=False, width=115, allow_unicode=True)


def main() -> int:
    """Write the file, or compare it."""
    if "--check" not in sys.argv[1:]:
        MAPPING.write_text(rendered(), encoding="utf-8")
        return 0
    if MAPPING.read_text(encoding="utf-8") == rendered():
        return 0
    print(f"{MAPPING} differs from the catalogue of metrics: run tools/statsd_mapping.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
