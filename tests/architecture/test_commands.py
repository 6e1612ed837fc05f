"""Every `python -m …` of this package that a page, a message or a file names is there and explains itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

AIRFLOW_ROOM = {
    "llmbatch.cli",
    "llmbatch.cli.backup",
    "llmbatch.cli.check_alerts",
    "llmbatch.cli.check_store",
    "llmbatch.cli.control",
    "llmbatch.cli.deliver",
    "llmbatch.cli.s3_policy",
    "llmbatch.cli.sla_report",
    "llmbatch.cli.tuned",
    "llmbatch.gateway",
    "llmbatch_stack",
    "llmbatch_stack.install",
    "llmbatch_stack.install.browser",
    "llmbatch_stack.install.sbom",
    "llmbatch_stack.install.locks",
    "llmbatch_stack.statsd_bridge",
}
RAY_ROOM = {
    "llmbatch.cluster",
    "llmbatch.cluster.engine_speed",
    "llmbatch.cluster.models.bundled_model",
}
HERE = RAY_ROOM if find_spec("ray") else AIRFLOW_ROOM
INTERNAL = {"llmbatch_stack.supervisor"}
"""Started by `make up` alone."""

_COMMAND = re.compile(r"-m[\",\s]+(llmbatch[\w.]*\w)(?![\w.]*<)")


def test_every_named_command_is_pinned() -> None:
    pages = [ROOT / "Makefile", *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    sources = [path for folder in ("include", "deploy", "dags", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    named = {found for path in pages + sources for found in _COMMAND.findall(path.read_text(encoding="utf-8"))}
    assert named == AIRFLOW_ROOM | RAY_ROOM | INTERNAL


@pytest.mark.parametrize("module", sorted(HERE))
def test_it_explains_itself(module: str) -> None:
    path = os.pathsep.join([str(ROOT / "include"), str(ROOT / "deploy" / "embedded")])
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stdout[:6].lower()) == (0, "usage:"), done.stdout + done.stderr
