"""``config/kubernetes``: rules and StatsD mapping in the forms in which Kubernetes takes them."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from monitoring.statsd_mapping import statsd_mapping

NAMESPACE = "llmbatch"


def prometheus_rule(groups: Mapping[str, object]) -> dict[str, object]:
    """Return the content of ``rules.yml`` as a PrometheusRule, which the Prometheus operator loads."""
    labels = {"app.kubernetes.io/part-of": "llmbatch"}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "llmbatch", "namespace": NAMESPACE, "labels": labels},
        "spec": dict(groups),
    }


def statsd_values() -> dict[str, object]:
    """Return the mapping as values of Airflow's Helm chart, instead of the chart's own mapping."""
    return {"statsd": {"overrideMappings": yaml.safe_load(statsd_mapping())["mappings"]}}
