"""The whole command: each subcommand explains itself, shells complete it, errors are one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from fakes.command_line import answering
from llmbatch.cli.client.app import app

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
NAMED = [(one.name, one.callback) for one in app.registered_commands]
COMMANDS = sorted(
    [name or callback.__name__.replace("_", "-") for name, callback in NAMED if callback]
    + [f"keys {name}" for name in ("create", "list", "revoke")]
    + ["dags install"]
)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_explains_itself_and_is_on_the_page(name: str) -> None:
    done = CliRunner().invoke(app, [*name.split(), "--help"])
    assert done.exit_code == 0, done.output
    assert re.search(rf"llmbatch {name}\b", PAGE), f"docs/command-line.md lacks {name}"


def test_all_but_the_row_stream_print_json() -> None:
    without = [name for name in COMMANDS if "--json" not in CliRunner().invoke(app, [*name.split(), "--help"]).output]
    assert without == ["errors"]


def test_a_wrong_option_is_exit_code_2_on_stderr() -> None:
    done = answering(lambda _: httpx.Response(500)).run("jobs", "--no-such-option")
    assert (done.code, done.out, "--no-such-option" in done.err) == (2, "", True)


def test_shells_complete_it() -> None:
    environ = {
        **os.environ, "PYTHONPATH": str(ROOT / "include"), "_LLMBATCH_COMPLETE": "complete_bash",
        "COMP_WORDS": "llmbatch resume", "COMP_CWORD": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "llmbatch.cli"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["resume", "resume-service"], done.stderr


def test_it_needs_neither_airflow_nor_the_cluster() -> None:
    blocked = [
        "airflow",
        "ray",
        "boto3",
        "pyarrow",
        "fastapi",
        "llmbatch.orchestrator",
        "llmbatch.s3",
        "llmbatch.gateway",
    ]
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); import llmbatch.cli.client.app"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "include")}, check=True)
