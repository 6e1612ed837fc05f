"""The driver's log: one printable line for each message."""

from __future__ import annotations

import logging
import sys

import pytest

from llmbatch.cluster.driver.log_line import LogLine, log_to_stderr

EVIL = "by\nlevel=ERROR event=forged \x1b[2J"


def test_no_message_begins_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    log_to_stderr()
    logging.root.info("event=paused job_id=%s by=%s", "job-1", EVIL)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(r" level=INFO logger=root event=paused job_id=job-1 by=by\nlevel=ERROR event=forged \x1b[2J")


def test_a_traceback_keeps_its_lines() -> None:
    try:
        int("broken")
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, "f", 1, "event=crashed job_id=%s", ("j\n",), sys.exc_info())
    first, *rest = LogLine("%(message)s").format(record).splitlines()
    assert first == r"event=crashed job_id=j\n"
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-1] == "ValueError: invalid literal for int() with base 10: 'broken'"
