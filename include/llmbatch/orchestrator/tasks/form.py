"""The trigger form of the Airflow UI, made from ``JobRequest`` so that types, ranges and choices cannot differ.

What a person reads is in ``form_fields``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from llmbatch.core.job_request import JobRequest
from llmbatch.orchestrator.tasks.form_fields import FIELDS, FormField


def form_params(defaults: Mapping[str, Any] | None = None) -> dict[str, Param]:
    """Return the DAG's params in form order.

    Args:
        defaults: values to fill in, e.g. ``input_uri`` in a scheduled DAG (Airflow schedules no DAG with an empty
            required param).
    """
    schema = JobRequest.model_json_schema()
    return {name: _param(name, FIELDS[name], schema, defaults or {}) for name in FIELDS}


def _param(name: str, shown: FormField, schema: dict[str, Any], defaults: Mapping[str, Any]) -> Param:
    prop = schema["properties"][name]
    rules = _rules(prop, schema["$defs"])
    default: dict[str, Any] = {}
    if name in defaults:
        default = {"default": defaults[name]}
    elif "default" in prop:
        # An empty object would be shown as text to edit; null is shown as "not given" and means the same.
        default = {"default": None if "object" in rules["type"] else prop["default"]}
    return Param(**default, title=shown.title, description=shown.help, section=shown.section, **shown.extra, **rules)


def _rules(prop: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of one field in the flat form that Airflow's UI understands: one ``type``, no ``$ref``."""
    variants = [_resolved(variant, definitions) for variant in prop.get("anyOf", [prop])]
    merged: dict[str, Any] = {}
    for variant in variants:
        merged.update({key: value for key, value in variant.items() if key not in _NOT_RULES})
    if len([variant for variant in variants if variant["type"] != "null"]) > 1:
        merged.pop("enum", None)  # it would hold for the other types, too; the request checks it
    types = [variant["type"] for variant in variants]
    if "enum" in merged and "null" in types:
        merged["enum"] = [*merged["enum"], None]
    if "object" in types and "null" not in types:
        types.append("null")
    merged["type"] = types if len(types) > 1 else types[0]
    return merged


_NOT_RULES = frozenset({"title", "description", "default"})


def _resolved(variant: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = variant.get("$ref")
    found: Mapping[str, Any] = definitions[reference.rpartition("/")[2]] if reference else variant
    if isinstance(found.get("additionalProperties"), dict):
        return {key: value for key, value in found.items() if key != "additionalProperties"}
    return found
