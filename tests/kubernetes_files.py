"""The files of `deploy/kubernetes`, as objects and as the values that Helm merges of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "kubernetes"
GENERATED = ROOT / "config" / "kubernetes"
COMMON, STATSD = FOLDER / "airflow-values.yaml", GENERATED / "statsd-values.yaml"
EXECUTORS = {"CeleryExecutor": "airflow-values-celery.yaml", "KubernetesExecutor": "airflow-values-kubernetes.yaml"}


class _NoDuplicates(yaml.SafeLoader):
    """Refuses a key that is there twice, which YAML reads as the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key) for key, _ in node.value]  # type: ignore[no-untyped-call]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"twice: {sorted(twice)}", node.start_mark)
        return super().construct_mapping(node, deep)


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the documents of a YAML file."""
    yield from yaml.load_all(path.read_text(encoding="utf-8"), Loader=_NoDuplicates)


def merged(*files: Path) -> dict[str, Any]:
    """Return Helm values as `helm -f … -f …` merges them: mappings by key, all else replaced."""
    values: dict[str, Any] = {}
    for path in files:
        for document in documents(path):
            values = _merge(values, document)
    return values


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = {key: _merge(old[key], new[key]) for key in old.keys() & new.keys() if isinstance(old[key], dict)}
    return {**old, **new, **both}


def values(executor: str) -> dict[str, Any]:
    """Return the values of Airflow's chart with one executor."""
    return merged(COMMON, FOLDER / EXECUTORS[executor], STATSD)


def found(value: Any, key: str) -> Iterator[Any]:
    """Yield the values of a key, wherever it is."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from [each] if name == key else found(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from found(each, key)


def _objects() -> Iterator[tuple[str, dict[str, Any]]]:
    manifests = sorted({*FOLDER.glob("*.yaml")} - {*FOLDER.glob("*-values*.yaml")})
    for path in [*manifests, GENERATED / "prometheus-rule.yaml"]:
        yield from ((f"{path.name}:{each['kind']}/{each['metadata']['name']}", each) for each in documents(path))


OBJECTS = dict(_objects())
"""All objects, by file, kind and name."""
[RAY_CLUSTER] = [each for each in OBJECTS.values() if each["kind"] == "RayCluster"]


def _pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, document in OBJECTS.items():
        spec = document.get("spec", {})
        if document["kind"] == "RayCluster":
            yield f"{name}/head", spec["headGroupSpec"]["template"]
            yield from ((f"{name}/{group['groupName']}", group["template"]) for group in spec["workerGroupSpecs"])
        elif "template" in spec:
            yield name, spec["template"]


PODS = dict(_pods())
"""The pod templates of all objects, by name of the object."""
