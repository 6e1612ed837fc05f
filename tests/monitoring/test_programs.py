"""What a machine without Prometheus does with these tests."""

from __future__ import annotations

import pytest

from alert_cases.programs import path_of


@pytest.fixture(autouse=True)
def _nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmbatch_stack.install.tools.find", lambda *_: None)


def test_a_test_is_skipped_with_the_name_of_the_program() -> None:
    with pytest.raises(pytest.skip.Exception, match="no promtool: run `make install`"):
        path_of("promtool", {})


def test_ci_skips_nothing() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"no amtool: .*; nothing is skipped where CI is set"):
        path_of("amtool", {"CI": "true"})
