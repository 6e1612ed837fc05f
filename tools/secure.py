"""``make secure``: no secret in a tracked file, and nothing that bandit reports about what users run.

gitleaks reads copies of the tracked files as they are now, bandit the folders below with ``[tool.bandit]`` of
pyproject.toml. An exception is in its line, with its reason: ``# nosec B311 # spreads retries``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("include", "deploy", "dags", "plugins", "tools")

_EXCEPTION = re.compile(r"#\s*(nosec\b|gitleaks:allow\b)")
_WITH_REASON = re.compile(r"# (nosec B\d{3}(, B\d{3})*|gitleaks:allow) # \w")


def copy_tracked(root: Path, target: Path) -> None:
    """Copy the tracked files of a repository that are there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        source, copy = root / name, target / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())


def without_reason(folder: Path) -> Iterator[str]:
    """Yield ``file:line`` of each exception that does not say what it excepts and why."""
    for path in sorted(folder.rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if _EXCEPTION.search(line) and not _WITH_REASON.search(line):
                yield f"{path}:{number}"


def program(name: str) -> str:
    """Return the path of a program of this environment."""
    return str(Path(sys.executable).with_name(name))


def find_secrets(folder: Path) -> int:
    """Run gitleaks over a folder, and print what it finds without the secret itself; return its exit code."""
    return subprocess.run([program("gitleaks"), "dir", str(folder), "--no-banner", "--redact", "-v"], check=False).returncode


def main() -> int:
    """Check everything; 1 if anything is found."""
    with tempfile.TemporaryDirectory(prefix="llmbatch-secure-") as folder:
        copy_tracked(ROOT, Path(folder))
        secrets = find_secrets(Path(folder))
    command = [program("bandit"), "--quiet", "--recursive", "--configfile", "pyproject.toml", *FOLDERS]
    weak = subprocess.run(command, cwd=ROOT, check=False).returncode
    bare = [place for folder in FOLDERS for place in without_reason(ROOT / folder)]
    for place in bare:
        print(f"{place}: an exception without test or reason; write `# nosec B311 # why`")
    return int(bool(secrets or weak or bare))


if __name__ == "__main__":
    sys.exit(main())
