"""What the wheel holds: the package with its data, the DAG files, and nothing else."""

from __future__ import annotations

import email.message
import email.parser
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from llmbatch.version import VERSION

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "include" / "llmbatch"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SECRET = re.compile(r"secret|credential|\.env$|\.pem$|\.key$", re.IGNORECASE)


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def metadata(site: Path) -> email.message.Message:
    text = (site / f"llmbatch-{VERSION}.dist-info" / "METADATA").read_text(encoding="utf-8")
    return email.parser.Parser().parsestr(text)


def test_it_holds_each_file_of_the_package_and_the_dag_files_and_no_other(names: set[str]) -> None:
    package = {f"llmbatch/{path.relative_to(PACKAGE)}" for path in PACKAGE.rglob("*") if is_source(path)}
    dags = {f"llmbatch/dags/{path.name}" for path in (ROOT / "dags").iterdir() if is_source(path)}
    described = {f"llmbatch-{VERSION}.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    assert len(package) > 300
    assert len(dags) >= 5
    assert names == package | dags | described


def is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


@pytest.mark.parametrize("kind", [".html", ".js", ".css", ".svg", ".json", "py.typed"])
def test_it_holds_data_of_each_kind(names: set[str], kind: str) -> None:
    assert [name for name in names if name.startswith("llmbatch/") and name.endswith(kind)]


def test_it_is_named_by_the_one_version(wheel: Path, site: Path) -> None:
    assert wheel.name == f"llmbatch-{VERSION}-py3-none-any.whl"
    assert metadata(site)["Version"] == VERSION


def test_the_backend_is_the_pinned_one_everywhere() -> None:
    wanted = f"hatchling=={importlib.metadata.version('hatchling')}"
    assert PROJECT["build-system"]["requires"] == [wanted]
    assert wanted in (ROOT / "requirements" / "local-airflow.in").read_text(encoding="utf-8").splitlines()


def test_two_builds_give_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_command_runs_from_it_and_names_its_own_dag_files(site: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "llmbatch.cli", "dags", "install", str(tmp_path / "dags")]
    environ = {"PYTHONPATH": str(site), "PATH": os.environ["PATH"]}
    subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=True)
    for path in (ROOT / "dags").glob("*.py"):
        assert (tmp_path / "dags" / path.name).read_bytes() == path.read_bytes()


def test_the_command_without_its_packages_names_the_extra(site: Path) -> None:
    code = "import sys; sys.modules['typer'] = None; from llmbatch.cli.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(site)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "pip install 'llmbatch[cli]'" in done.stderr) == (2, True), done.stderr
