"""Colours of series whose name is a state: the same on every dashboard."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

GREEN, YELLOW, ORANGE, RED, PURPLE, BLUE, GREY = "green", "yellow", "orange", "red", "purple", "blue", "#808080"

LEVELS = {"ok": GREEN, "yellow": YELLOW, "red": RED, "critical": PURPLE}
ROWS = {"succeeded": GREEN, "failed": RED, "expired": ORANGE, "cancelled": PURPLE, "running": BLUE, "waiting": GREY}
RESULTS = {"ok": GREEN, "error": RED, "conflict": BLUE, "failed": RED, "retried": YELLOW, "given_up": RED}
TASKS = {"success": GREEN, "failed": RED, "skipped": GREY, "upstream_failed": ORANGE, "up_for_retry": YELLOW}
DEADLINES = {"set": BLUE, "met": GREEN, "missed": RED}


def fixed(color: str) -> list[DynamicConfigValue]:
    """Return what gives a series one colour."""
    return [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})]


def mapped(colors: Mapping[str, str]) -> list[DynamicConfigValue]:
    """Return what colours the cells of a column by their text."""
    options = {text: {"color": color, "index": number} for number, (text, color) in enumerate(colors.items())}
    return [
        DynamicConfigValue("mappings", [{"type": "value", "options": options}]),
        DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
    ]
