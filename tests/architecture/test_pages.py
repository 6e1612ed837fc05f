"""Pages name only what exists: relative links, their headings, and paths of this repository. The README stays short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
"""Without the CHANGELOG, which may name what existed earlier."""
README_LINES, LINE_CHARS = 170, 140
GENERATED = "| `llmbatch_"
"""How a line of the generated table of metrics begins; it may be long."""

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_BASES = (ROOT, ROOT / "include" / "llmbatch", ROOT / "deploy" / "embedded")
"""A path may be written from the repository's root, or from one of the two packages."""
_TOPS = (
    "dags plugins include config deploy benchmarks examples docs tests requirements "
    "core cluster orchestrator cli s3 llmbatch_stack"
).split()
_PATH = re.compile(rf"(?<![\w/.$>-])(?:{'|'.join(_TOPS)})/[\w./*-]*[\w*]")


def broken_links(text: str, page: Path) -> list[str]:
    """Return the relative links of a page whose file, folder or heading does not exist."""
    return [link for link in _LINK.findall(text) if "://" not in link and not _leads_somewhere(link, page)]


def unknown_paths(text: str) -> list[str]:
    """Return the repository paths that a page names and that do not exist; ``*`` must match at least one file."""
    return [path for path in _PATH.findall(text) if not any(any(base.glob(path)) for base in _BASES)]


def _leads_somewhere(link: str, page: Path) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    if not target.exists():
        return False
    return not anchor or anchor in {_slug(one) for one in _HEADING.findall(target.read_text(encoding="utf-8"))}


def _slug(heading: str) -> str:
    """Return the anchor that Markdown renderers give a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_what_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert (broken_links(text, page), unknown_paths(text)) == ([], [])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_short_lines(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    written = [(number, line) for number, line in enumerate(lines, 1) if not line.startswith(GENERATED)]
    assert [number for number, line in written if len(line) > LINE_CHARS] == []


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_every_page_is_in_the_index() -> None:
    """``docs/index.md`` lists the pages, ``docs/adr/README.md`` the decisions, by links that the first test follows."""
    for folder, index in (("docs", "index.md"), ("docs/adr", "README.md")):
        linked = set(_LINK.findall((ROOT / folder / index).read_text(encoding="utf-8")))
        assert {path.name for path in (ROOT / folder).glob("*.md")} - {index} <= linked


def test_the_rules_see_what_they_forbid() -> None:
    page = ROOT / "README.md"
    assert broken_links("[a](docs/no-such-page.md) [b](docs/index.md#no-heading) [c](#no-heading)", page) == [
        "docs/no-such-page.md", "docs/index.md#no-heading", "#no-heading",
    ]  # fmt: skip
    assert broken_links("[a](docs/index.md) [b](https://host/no-such-page.md) [c](Makefile)", page) == []
    assert unknown_paths("see `core/gone.py`, tests/unit/gone_*.py and `dags/gone/`") == [
        "core/gone.py", "tests/unit/gone_*.py", "dags/gone",
    ]  # fmt: skip
    assert (
        unknown_paths("see `core/layout.py`, `docs/adr/`, docs/*.md; not s3://bucket/core/gone.py or /opt/docs/x") == []
    )
