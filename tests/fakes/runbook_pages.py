"""The commands of the runbook: every line of its ``bash`` blocks, and the reason of a block that is not run."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs" / "runbook.md"
PAGES = (RUNBOOK, *sorted((ROOT / "docs" / "runbooks").glob("*.md")))

_BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>.*?) -->\n)?```bash\n(?P<body>.*?)\n?```", re.DOTALL)
_COMMENT = re.compile(r"\s+# .*$")


@dataclass(frozen=True)
class DocCommand:
    """One command of a page, without its comment; ``reason`` says why it is not run."""

    page: Path
    text: str
    reason: str | None = None


def commands_in(text: str, page: Path) -> list[DocCommand]:
    """Return the commands of a page in their order; lines that end with a backslash are joined."""
    found = []
    for block in _BLOCK.finditer(text):
        for line in block["body"].replace("\\\n", "").splitlines():
            command = re.sub(r"\s{2,}", " ", _COMMENT.sub("", line)).strip()
            if command:
                found.append(DocCommand(page, command, block["reason"]))
    return found


def all_commands() -> list[DocCommand]:
    """Return the commands of all pages."""
    return [one for page in PAGES for one in commands_in(page.read_text(encoding="utf-8"), page)]


def variables(**given: str) -> dict[str, str]:
    """Return the variables that the runbook exports, as bash sets them. ``given`` are set before."""
    exports = [one.text for one in commands_in(RUNBOOK.read_text(encoding="utf-8"), RUNBOOK) if is_export(one.text)]
    script = "set -eu\n" + "\n".join(exports) + "\nenv -0"
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": "/usr/bin:/bin", **given}, capture_output=True, text=True, check=True
    )
    names = {one.removeprefix("export ").partition("=")[0] for one in exports}
    pairs = (pair.partition("=") for pair in done.stdout.split("\0"))
    return {name: value for name, _, value in pairs if name in names}


def is_export(text: str) -> bool:
    """Whether a command only sets variables."""
    return text.startswith("export ")


def with_values(text: str, values: dict[str, str]) -> str:
    """Return a command with the values of its variables, longest name first."""
    for name in sorted(values, key=len, reverse=True):
        text = text.replace(f"${name}", values[name])
    return text
