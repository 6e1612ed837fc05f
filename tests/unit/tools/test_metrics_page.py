"""The page of metrics has the table of the catalogue."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from llmbatch.core.metrics import CATALOGUE

TOOL = Path(__file__).parents[3] / "tools" / "metrics_page.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("metrics_page", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_the_page_is_the_catalogue(tool: ModuleType) -> None:
    page = tool.PAGE.read_text(encoding="utf-8")
    assert tool.with_table(page) == page, "run: PYTHONPATH=include python tools/metrics_page.py"
    assert [metric.name for metric in CATALOGUE if f"| `{metric.name}`" not in page] == []


def test_what_is_around_the_table_stays(tool: ModuleType) -> None:
    made = tool.with_table(f"before\n{tool.BEGIN}old\n{tool.END}after\n")
    assert made == f"before\n{tool.BEGIN}{tool.table()}{tool.END}after\n"
    with pytest.raises(ValueError, match="no table"):
        tool.with_table("a page without marks\n")
