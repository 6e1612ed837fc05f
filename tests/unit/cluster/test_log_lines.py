"""Every log line of the cluster has one form: ``event=name job_id=…``, then what else there is to know."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import llmbatch.cluster

FORM = re.compile(r"event=[a-z_]+ job_id=%s( [a-z_]+=%[a-z.\d]+| [a-z_]+=\w+)*$")
WITHOUT_JOB = re.compile(r"event=[a-z_]+( [a-z_]+=%[a-z.\d]+| [a-z_]+=\w+)*$")
ROOMS_WITHOUT_JOB = {"engines", "models"}
"""They load a model and answer rows, for any job."""

LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
ROOT = Path(llmbatch.cluster.__path__[0])


def faults(source: str, *, has_job: bool = True) -> Iterator[str]:
    """Yield what is wrong with a module's loggers and log calls."""
    form = FORM if has_job else WITHOUT_JOB
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and "getLogger(__name__)" in ast.unparse(node.value):
            name = ast.unparse(node.targets[0])
            if name != "_log":
                yield f"line {node.lineno}: the logger is named {name}"
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in LEVELS:
            continue
        owner = ast.unparse(node.func.value)
        if owner in {"logging", "log", "logger"}:
            yield f"line {node.lineno}: logs through {owner}"
        elif owner == "_log":
            text = node.args[0]
            if not isinstance(text, ast.Constant) or not form.match(str(text.value)):
                yield f"line {node.lineno}: {ast.unparse(text)}"


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_log_lines_have_one_form(path: Path) -> None:
    has_job = path.relative_to(ROOT).parts[0] not in ROOMS_WITHOUT_JOB
    assert list(faults(path.read_text(encoding="utf-8"), has_job=has_job)) == []


@pytest.mark.parametrize(
    "source",
    [
        "logger = logging.getLogger(__name__)",
        "logging.warning('event=x job_id=%s', job_id)",
        "_log.info('job_id=%s event=x', job_id)",
        "_log.info('event=x shards=%d', 3)",
        "_log.warning('event=x job_id=%s it failed', job_id)",
        "_log.error(f'event=x job_id={job_id}')",
    ],
)
def test_a_line_of_another_form_is_found(source: str) -> None:
    assert len(list(faults(source))) == 1


def test_good_lines_pass() -> None:
    source = "_log = logging.getLogger(__name__)\n_log.info('event=x job_id=%s retry_in_s=%.1f used=defaults', j, 1.0)"
    assert list(faults(source)) == []
    assert list(faults("_log.info('event=x source=%s', s)", has_job=False)) == []
