"""What the official statsd_exporter answered, and the shipped mapping."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from llmbatch_stack.statsd_bridge.mapping import NameMapping
from llmbatch_stack.statsd_bridge.series import Series

ROOT = Path(__file__).parents[2]
MAPPING = ROOT / "config" / "statsd" / "mapping.yml"
SCHEMA = ROOT / "config" / "statsd" / "mapping.schema.json"
RECORDED = ROOT / "tests" / "unit" / "stack" / "statsd_bridge" / "exporter.json"


def recorded() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8"))["cases"]
    return cases


def page(mapping: object, *lines: str) -> list[str]:
    """Return the lines that a bridge with this mapping shows after these packets."""
    series = Series(NameMapping(yaml.safe_dump(mapping)))
    for line in lines:
        series.take(line.encode())
    return series.text().splitlines()


def shipped(*lines: str) -> list[str]:
    """Return the samples, without those about the bridge, that the shipped mapping makes of these packets."""
    series = Series(NameMapping.of_file(MAPPING))
    for line in lines:
        series.take(line.encode())
    return [line for line in series.text().splitlines() if not line.startswith(("#", "statsd_"))]
