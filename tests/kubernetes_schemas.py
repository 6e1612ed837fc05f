"""What Kubernetes, KubeRay, the Prometheus operator and Airflow's chart accept: `deploy/schemas/README.md`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.protocols import Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).parent / "deploy" / "schemas"


def _loaded(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))


_MANY = {name: _loaded(name) for name in ("kubernetes.json", "prometheus-operator.json")}
"""Files with the schemas of several kinds."""
_REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(schemas)) for name, schemas in _MANY.items()
)


def validator(schema: Any) -> Validator:
    """Return a validator whose references to the other files are found."""
    return Draft7Validator(schema, registry=_REGISTRY)


def faults(document: Any, schema: Any) -> list[str]:
    """Return what is wrong with a document: path and message, the most telling of each place."""
    return [
        f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in validator(schema).iter_errors(document)
    ]


def schema_of(document: dict[str, Any]) -> Any:
    """Return the schema of an object of Kubernetes, by its apiVersion and kind; KeyError: unknown."""
    name = f"{document['apiVersion']}/{document['kind']}"
    if name == "ray.io/v1/RayCluster":
        return _loaded("raycluster.json")
    file = next((file for file, schemas in _MANY.items() if name in schemas["kinds"]), "kubernetes.json")
    return {"$ref": f"{file}#/$defs/{_MANY[file]['kinds'][name]}"}


def chart_schema() -> Any:
    """Return the schema of the values of Airflow's chart."""
    return _loaded("airflow-chart.json")
