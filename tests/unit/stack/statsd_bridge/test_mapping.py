from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from fakes.exporter import MAPPING, SCHEMA, recorded, shipped
from llmbatch.core.metrics import CATALOGUE, Kind, Source
from llmbatch_stack.statsd_bridge.mapping import MappingError, NameMapping
from monitoring.statsd_mapping import statsd_mapping

EVENTS = [metric for metric in CATALOGUE if metric.source is Source.EVENT]


def checked(mapping: object) -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(mapping)


def test_the_file_is_that_of_the_catalogue() -> None:
    assert MAPPING.read_text(encoding="utf-8") == statsd_mapping(), "run `make monitoring`"


def test_the_shipped_file_and_what_the_exporter_took_pass_the_schema() -> None:
    checked(yaml.safe_load(MAPPING.read_text(encoding="utf-8")))
    for case in recorded():
        checked(case["mapping"])


@pytest.mark.parametrize(
    "mapping",
    [
        {"mapping": []},
        {"mappings": [{"match": "a", "name": "a", "observer_typ": "histogram"}]},
        {"mappings": [{"match": "a", "name": "a", "match_metric_type": "timer"}]},
        {"mappings": [{"match": "a", "name": "a", "histogram_options": {"buckets": ["x"]}}]},
        {"mappings": [{"match": "a", "name": "a", "action": "skip"}]},
        {"mappings": [{"name": "a"}]},
        {"defaults": {"observer_type": "gauge"}},
        [1],
    ],
)
def test_a_misspelt_key_or_value_is_refused_by_schema_and_bridge(mapping: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        checked(mapping)
    with pytest.raises(MappingError, match="the StatsD mapping is wrong"):
        NameMapping(json.dumps(mapping))


@pytest.mark.parametrize("text", ["a: [", "mappings: [{match: '(', match_type: regex, name: a}]"])
def test_a_file_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(MappingError):
        NameMapping(text)


@pytest.mark.parametrize("metric", EVENTS, ids=lambda metric: metric.name)
def test_each_event_arrives_under_its_name_with_its_labels(metric: Any) -> None:
    tags = "".join(f",{label}=x" for label in metric.labels)
    kind, value = ("ms", 250) if metric.kind is Kind.HISTOGRAM else ("c", 2)
    labels = ",".join(f'{label}="x"' for label in sorted(metric.labels))
    shown = f"{{{labels}}}" if labels else ""
    lines = shipped(f"airflow.{metric.statsd_name}{tags}:{value}|{kind}")
    if metric.kind is Kind.COUNTER:
        assert lines == [f"{metric.name}{shown} 2"]
        return
    assert f"{metric.name}_sum{shown} 0.25" in lines
    bounds = [line.split('le="')[1].split('"')[0] for line in lines if "_bucket" in line]
    assert [float(bound) for bound in bounds] == [*metric.buckets, float("inf")]


@pytest.mark.parametrize(
    ("line", "series"),
    [
        ("airflow.scheduler_heartbeat:1|c", ["airflow_scheduler_heartbeat 1"]),
        ("airflow.triggerer_heartbeat:1|c", ["airflow_triggerer_heartbeat 1"]),
        (
            "airflow.pool.open_slots,pool_name=llmbatch_ray:5|g",
            ['airflow_pool_open_slots{pool_name="llmbatch_ray"} 5'],
        ),
        ("airflow.dag_processing.import_errors:0|g", ["airflow_dag_processing_import_errors 0"]),
        ("airflow.dag_processing.total_parse_time:1.5|g", ["airflow_dag_processing_total_parse_time 1.5"]),
        ("airflow.dag_processing.last_duration,bundle_name=b,file_name=f:1.65|ms", []),
        ("airflow.dag_processing.last_run.seconds_ago,file_name=f:9|g", []),
        ("airflow.dag_processing.last_num_of_db_queries.f:3|g", []),
        ("airflow.dag_processing.processes,file_path=f,action=start:1|c", []),
        ("airflow.serde.load_serializers:20|ms", []),
    ],
)
def test_airflows_own_names_are_kept_and_noise_is_dropped(line: str, series: list[str]) -> None:
    assert shipped(line) == series


def test_a_task_time_is_in_seconds_under_airflows_name() -> None:
    lines = shipped("airflow.task.duration,dag_id=llmbatch_inference,task_id=run:90000|ms")
    assert 'airflow_task_duration_sum{dag_id="llmbatch_inference",task_id="run"} 90' in lines
