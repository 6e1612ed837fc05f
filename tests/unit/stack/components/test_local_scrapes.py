"""The shipped configuration of Prometheus on one machine: other addresses, nothing else."""

from pathlib import Path

import pytest
import yaml

from llmbatch_stack.components.local_scrapes import Addresses, localised
from llmbatch_stack.process.component import StepError

SHIPPED = yaml.safe_load("""
global: {scrape_interval: 15s, external_labels: {service: llmbatch}}
rule_files: [rules.yml, /elsewhere/more.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ["alertmanager:9093"]}]}]}
scrape_configs:
  - job_name: llmbatch
    scheme: https
    metrics_path: /metrics
    authorization: {credentials_file: /run/secrets/key}
    scrape_timeout: 10s
    static_configs: [{targets: ["gateway:8080"]}]
  - {job_name: statsd, static_configs: [{targets: ["statsd:9102"]}]}
  - job_name: ray
    http_sd_configs: [{url: "http://ray:8265/api/prometheus/sd"}]
    metric_relabel_configs: [{action: labeldrop, regex: Version}]
  - {job_name: prometheus, static_configs: [{targets: ["localhost:9090"]}]}
  - {job_name: alertmanager, static_configs: [{targets: ["alertmanager:9093"]}]}
  - {job_name: dcgm, static_configs: [{targets: ["gpu:9400"]}]}
""")
ADDRESSES = Addresses(
    gateway="127.0.0.1:1",
    gateway_path="/llmbatch/metrics",
    gateway_key=Path("/state/key"),
    statsd="127.0.0.1:2",
    ray_targets=Path("/ray/targets.json"),
    prometheus="127.0.0.1:3",
    alertmanager="127.0.0.1:4",
)


def test_addresses_are_replaced_and_all_else_stays():
    found = localised(SHIPPED, Path("/shipped"), ADDRESSES)
    assert found["global"] == SHIPPED["global"]
    assert found["rule_files"] == ["/shipped/rules.yml", "/elsewhere/more.yml"]
    assert found["alerting"] == {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:4"]}]}]}
    assert found["scrape_configs"] == [
        {
            "job_name": "llmbatch",
            "scrape_timeout": "10s",
            "static_configs": [{"targets": ["127.0.0.1:1"]}],
            "metrics_path": "/llmbatch/metrics",
            "authorization": {"type": "Bearer", "credentials_file": "/state/key"},
        },
        {"job_name": "statsd", "static_configs": [{"targets": ["127.0.0.1:2"]}]},
        {
            "job_name": "ray",
            "metric_relabel_configs": [{"action": "labeldrop", "regex": "Version"}],
            "file_sd_configs": [{"files": ["/ray/targets.json"]}],
        },
        {"job_name": "prometheus", "static_configs": [{"targets": ["127.0.0.1:3"]}]},
        {"job_name": "alertmanager", "static_configs": [{"targets": ["127.0.0.1:4"]}]},
    ]


def test_a_missing_scrape_job_is_named():
    jobs = [job for job in SHIPPED["scrape_configs"] if job["job_name"] not in {"ray", "statsd"}]
    with pytest.raises(StepError, match=r"lacks ray, statsd; run `make monitoring`"):
        localised({**SHIPPED, "scrape_configs": jobs}, Path("/shipped"), ADDRESSES)


@pytest.mark.parametrize("part", [{"scrape_configs": {}}, {"scrape_configs": ["ray"]}, {"rule_files": "rules.yml"}])
def test_another_form_is_refused(part: dict[str, object]):
    with pytest.raises(StepError, match=next(iter(part))):
        localised({**SHIPPED, **part}, Path("/shipped"), ADDRESSES)
