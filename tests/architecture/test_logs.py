"""One dialect for logs: a module's logger is ``_log``, and a message starts with ``event=`` or ``job_id=``.

In the cluster every line is machine-readable to its end: ``event=name job_id=…``, then ``key=value`` only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "include" / "llmbatch"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}

RELAYED = "%s | %s"
"""A line of the Ray job's own log, after the submission id: another process wrote it."""

_START = re.compile(r"event=[a-z_]+( |$)|job_id=%s .*\bevent=[a-z_]+( |$)")
_PAIRS = r"( [a-z_]+=%[a-z.\d]+| [a-z_]+=\w+)*$"
_FORMS = {
    "cluster/engines": re.compile(rf"event=[a-z_]+{_PAIRS}"),
    "cluster/models": re.compile(rf"event=[a-z_]+{_PAIRS}"),
    "cluster": re.compile(rf"event=[a-z_]+ job_id=%s{_PAIRS}"),
    "": _START,
}
"""The form of a message by folder; the first that fits counts. Engines and models work for any job."""


def form_of(path: str) -> re.Pattern[str]:
    """Return the form of the messages of a module, given by its path in the package."""
    return next(form for folder, form in _FORMS.items() if path.startswith(folder))


def problems(source: str, form: re.Pattern[str] = _START) -> Iterator[str]:
    """Yield a line for each logger with another name and each message in another dialect."""
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _makes_a_logger(node.value):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if ast.unparse(target) != "_log":
                yield f"{node.lineno}: name the logger _log, not {ast.unparse(target)}"
    for node in ast.walk(tree):
        message = _message(node)
        if message is not None and message != RELAYED and not form.match(message):
            yield f"{node.lineno}: not {form.pattern}: {message[:60]}"


def _makes_a_logger(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func).endswith("getLogger")


def _message(node: ast.AST) -> str | None:
    """Return the format text of a call such as ``_log.info("…")``, also of a variable one, as its source."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in LEVELS:
        return None
    logger = ast.unparse(node.func.value).rpartition(".")[2]
    arguments = node.args[1:] if node.func.attr == "log" else node.args
    if "log" not in logger.lower() or not arguments:
        return None
    first = arguments[0]
    return (
        first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else f"<{ast.unparse(first)}>"
    )


def test_every_module_logs_in_one_dialect() -> None:
    found = {
        path: lines
        for path in sorted(str(each.relative_to(PACKAGE)) for each in PACKAGE.rglob("*.py"))
        if (lines := list(problems((PACKAGE / path).read_text(encoding="utf-8"), form_of(path))))
    }
    assert found == {}


def test_the_rule_sees_what_it_forbids() -> None:
    name = "LOG = logging.getLogger(__name__)\n"
    assert list(problems(name)) == ["1: name the logger _log, not LOG"]
    assert len(list(problems('_log.info("unreadable uri=%s", uri)\n'))) == 1
    assert len(list(problems('self.log.info("job=%s event=over", job)\n'))) == 1
    assert len(list(problems('_log.info("job_id=%s is over", job)\n'))) == 1
    assert len(list(problems("log.warning(line)\n"))) == 1
    assert len(list(problems('_log.log(level, "alert=%s", alert)\n'))) == 1
    assert list(problems('_log.info("event=over uri=%s", uri)\n_log.info("job_id=%s event=over", job)\n')) == []


@pytest.mark.parametrize(
    "source",
    [
        "logging.warning('event=x job_id=%s it failed', job_id)",
        "_log.info('job_id=%s event=x', job_id)",
        "_log.info('event=x shards=%d', 3)",
        "_log.warning('event=x job_id=%s it failed', job_id)",
        "_log.error(f'event=x job_id={job_id}')",
    ],
)
def test_the_cluster_s_rule_is_stricter(source: str) -> None:
    assert len(list(problems(source, form_of("cluster/driver/pipeline.py")))) == 1


def test_the_cluster_s_lines_hold_pairs_only() -> None:
    good = "_log.info('event=x job_id=%s retry_in_s=%.1f used=defaults', j, 1.0)"
    assert list(problems(good, form_of("cluster/driver/pipeline.py"))) == []
    assert list(problems("_log.info('event=x source=%s', s)", form_of("cluster/engines/vllm.py"))) == []
