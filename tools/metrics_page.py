"""Generate the table of all metrics in ``docs/metrics.md`` from the catalogue ``core/metrics.py``.

``PYTHONPATH=include python tools/metrics_page.py`` writes the table, ``--check`` compares it with the page.
"""

from __future__ import annotations

import sys
from pathlib import Path

from llmbatch.core.metrics import CATALOGUE, Metric, Source

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
BEGIN, END = "<!-- table: tools/metrics_page.py -->\n", "<!-- end of the table -->\n"

_FROM = {Source.STATE: "state", Source.EXPORTER: "exporter", Source.EVENT: "event"}


def table() -> str:
    """Return the table, one line a metric in the order of the catalogue."""
    head = ("| name | kind | labels | from | meaning |", "|---|---|---|---|---|")
    return "\n".join((*head, *(_line(metric) for metric in CATALOGUE))) + "\n"


def with_table(page: str) -> str:
    """Return the page with the table between the two marks. Raises ``ValueError`` if it lacks one."""
    head, _, rest = page.partition(BEGIN)
    _, mark, tail = rest.partition(END)
    if not mark:
        raise ValueError(f"the page has no table between {BEGIN.strip()} and {END.strip()}")
    return f"{head}{BEGIN}{table()}{END}{tail}"


def _line(metric: Metric) -> str:
    labels = ", ".join(metric.labels)
    return f"| `{metric.name}` | {metric.kind.value} | {labels} | {_FROM[metric.source]} | {metric.help} |"


def main(arguments: list[str]) -> int:
    """Write the table, or with ``--check`` return 1 if the page has another one."""
    page = PAGE.read_text(encoding="utf-8")
    made = with_table(page)
    if "--check" not in arguments:
        PAGE.write_text(made, encoding="utf-8")
    elif made != page:
        print(f"{PAGE} is not the catalogue. Run tools/metrics_page.py and commit it.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
