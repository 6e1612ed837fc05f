"""``make chaos``: run the matrix, one line a cell, and ``RESULT`` at the end.

``LLMBATCH_CHAOS`` chooses ``short``, ``echo``, ``vllm`` or ``all`` (the default); ``LLMBATCH_CHAOS_CELLS`` is a pattern
for titles, e.g. ``driver@`` or ``@publish``.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Mapping

from chaos.cell import Cell, Matrix, Report
from chaos.matrix import ECHO_CELLS, SHORT_CELLS, VLLM_CELLS
from chaos.stack import SHARDS_IN_FLIGHT, ChaosStack

SETS: Mapping[str, list[Cell]] = {
    "short": SHORT_CELLS,
    "echo": ECHO_CELLS,
    "vllm": VLLM_CELLS,
    "all": [*ECHO_CELLS, *VLLM_CELLS],
}


def main() -> int:
    """Run the chosen cells; 0 only if all have passed."""
    name = os.environ.get("LLMBATCH_CHAOS") or "all"
    pattern = os.environ.get("LLMBATCH_CHAOS_CELLS") or ""
    if name not in SETS:
        print(f"error: LLMBATCH_CHAOS={name!r} is none of {', '.join(SETS)}", file=sys.stderr)
        return 2
    cells = [cell for cell in SETS[name] if re.search(pattern, cell.title)]
    if not cells:
        print(f"error: LLMBATCH_CHAOS_CELLS={pattern!r} fits no cell of {name}", file=sys.stderr)
        return 2
    began = time.monotonic()
    reports: list[Report] = []
    with ChaosStack() as stack:
        matrix = Matrix(stack)
        for cell in cells:
            report = matrix.run(cell)
            reports.append(report)
            print(report.line(), flush=True)
    print(f"RESULT {json.dumps(result(reports, time.monotonic() - began))}", flush=True)
    return 0 if all(report.verdict.passed for report in reports) else 1


def result(reports: list[Report], seconds: float) -> dict[str, object]:
    """Return the figures of ``RESULT``."""
    verdicts = [report.verdict for report in reports]
    redone = [verdict.rows_redone for verdict in verdicts if verdict.rows_redone is not None]
    return {
        "cells": len(reports),
        "passed": sum(verdict.passed for verdict in verdicts),
        "failed": [report.cell.title for report in reports if not report.verdict.passed],
        "missing": sum(verdict.missing for verdict in verdicts),
        "duplicates": sum(verdict.duplicates for verdict in verdicts),
        "different": sum(verdict.different for verdict in verdicts),
        "rows_redone_max": max(redone, default=None),
        "rows_in_flight_max": max(report.cell.workload.rows_in_flight for report in reports),
        "shards_in_flight": SHARDS_IN_FLIGHT,
        "generations_max": max(verdict.generations for verdict in verdicts),
        "seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
