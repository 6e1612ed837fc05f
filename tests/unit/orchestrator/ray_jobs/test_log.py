from __future__ import annotations

from llmbatch.orchestrator.ray_jobs.log import JobLog, last_lines


def test_each_line_is_given_once_and_only_when_complete() -> None:
    log = JobLog()
    assert log.new_lines("a\nb") == ["a"]
    assert log.new_lines("a\nb") == []
    assert log.new_lines("a\nbc\nd") == ["bc"]
    assert log.close() == ["d"]
    assert log.close() == []


def test_the_first_look_at_a_long_log_gives_its_tail() -> None:
    log = JobLog(tail_lines=2)
    assert log.new_lines("1\n2\n3\n4\n") == ["... 2 earlier lines are in the log of the Ray job", "3", "4"]
    assert log.new_lines("1\n2\n3\n4\n5\n6\n7\n") == ["5", "6", "7"]


def test_a_replaced_log_is_read_from_its_start() -> None:
    log = JobLog()
    log.new_lines("long old text\n")
    assert log.new_lines("new\n") == ["new"]


def test_last_lines() -> None:
    assert last_lines("1\n2\n3\n\n", 2) == "2\n3"
