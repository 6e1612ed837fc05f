"""The priority of a run that is not accepted yet."""

from __future__ import annotations

import pytest

from llmbatch.core.priority import DEFAULT_PRIORITY, priority_of


@pytest.mark.parametrize("conf", ["text", 7, None, {}, {"priority": "high"}, {"priority": 101}, {"priority": None}])
def test_a_conf_without_a_valid_priority_gives_the_default(conf: object) -> None:
    assert priority_of(conf) == DEFAULT_PRIORITY


@pytest.mark.parametrize(("value", "priority"), [(-100, -100), ("5", 5), (100, 100)])
def test_a_valid_priority_is_taken(value: object, priority: int) -> None:
    assert priority_of({"priority": value}) == priority
