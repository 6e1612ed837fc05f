"""``make secure`` sees what it is there for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import secure

PLANTED = "ghp_" + "x7Kq2mWv9Lr4Tn8Zb3Yc6Hd1Jf5Gs0Pa4Rt8"
"""Of the form of a real one, in two parts so that it is none here."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "kept.py").write_text("NAME = 1\n")
    (tmp_path / "scratch.py").write_text(f'KEY = "{PLANTED}"\n')
    (tmp_path / "removed.py").write_text("")
    subprocess.run(["git", "-C", tmp_path, "add", "kept.py", "removed.py"], check=True)
    (tmp_path / "removed.py").unlink()
    return tmp_path


def test_tracked_files_are_looked_at_as_they_are_now(repository: Path, tmp_path: Path) -> None:
    (repository / "kept.py").write_text("NAME = 2\n")
    secure.copy_tracked(repository, tmp_path / "copy")
    assert {path.name: path.read_text() for path in (tmp_path / "copy").iterdir()} == {"kept.py": "NAME = 2\n"}


@pytest.mark.parametrize(("text", "code"), [("nothing", 0), (PLANTED, 1)])
def test_a_secret_is_found_and_not_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, code: int
) -> None:
    if not Path(secure.program("gitleaks")).exists() and os.environ.get("CI") != "true":
        pytest.skip("no gitleaks: run `make install`")
    (tmp_path / "settings.py").write_text(f'KEY = "{text}"\n')
    assert secure.find_secrets(tmp_path) == code
    out, err = capfd.readouterr()
    assert ("settings.py" in out) == bool(code)
    assert PLANTED not in out + err


@pytest.mark.parametrize(
    ("line", "is_bare"),
    [
        ("a = 1", False),
        ("a = 1  # nosec B311 # spreads retries", False),
        ("a = 1  # nosec B311, B105 # a name", False),
        ("a = 1  # nosec", True),
        ("a = 1  # nosec B311", True),
        ("a = 1  # nosec spreads retries", True),
        ("a = 1  # gitleaks:allow", True),
        ("a = 1  # gitleaks:allow # an example", False),
    ],
)
def test_an_exception_has_a_reason(tmp_path: Path, line: str, is_bare: bool) -> None:
    (tmp_path / "a.py").write_text(f"import os\n{line}\n")
    assert list(secure.without_reason(tmp_path)) == ([f"{tmp_path / 'a.py'}:2"] if is_bare else [])
