"""The rooms and their arrows, proved by running code (import-linter proves them by reading it)."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BANNED = (
    "airflow ray vllm torch transformers boto3 botocore pyarrow numpy fastapi httpx statsd "
    "llmbatch.orchestrator llmbatch.cluster"
).split()
MODULES = sorted(
    "llmbatch." + ".".join(path.relative_to(REPOSITORY / "include/llmbatch").with_suffix("").parts)
    for path in (REPOSITORY / "include/llmbatch/core").rglob("*.py")
    if path.name != "__init__.py"
)


def import_with_banned(modules: list[str], banned: list[str]) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys, importlib\n"
        f"sys.modules.update(dict.fromkeys({banned!r}))\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
    )
    env = {"PYTHONPATH": str(REPOSITORY / "include")}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


def test_core_has_modules():
    assert len(MODULES) > 10


def test_core_imports_with_every_other_library_blocked():
    done = import_with_banned(MODULES, BANNED)
    assert done.returncode == 0, done.stderr


def test_the_block_itself_works():
    done = import_with_banned(["json"], ["json"])
    assert done.returncode != 0


@pytest.mark.parametrize("folder", ["include", "dags", "plugins", "deploy", "benchmarks"])
def test_files_stay_readable(folder):
    files = [p for p in (REPOSITORY / folder).rglob("*.py") if "__pycache__" not in p.parts]
    assert files or folder == "plugins", f"no file under {folder}: has it moved?"
    long = {str(p.relative_to(REPOSITORY)): n for p in files if (n := len(p.read_text().splitlines())) > 250}
    assert not long, f"more than one noun in {long}"


def test_no_room_is_named_by_its_path():
    wrong = [
        str(path.relative_to(REPOSITORY))
        for folder in ("include", "dags", "plugins", "tests")
        for path in (REPOSITORY / folder).rglob("*.py")
        if any(line.lstrip().startswith(("from include", "import include")) for line in path.read_text().splitlines())
    ]
    assert not wrong
