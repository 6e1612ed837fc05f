"""The cause of a failed start is found in the log."""

from __future__ import annotations

from llmbatch.cluster.replica.start_failure import last_cause, start_failure


def test_start_failure_names_the_cause_and_not_the_pointer_to_it() -> None:
    log = (
        "INFO x\n(EngineCore pid=7) ERROR 11-23 ValueError: No available memory\nRuntimeError: See root cause above.\n"
    )
    assert last_cause(log) == "ValueError: No available memory"
    assert last_cause("all is well") is None
    assert start_failure(OSError("line one\nline two")) == "OSError: line one line two"
