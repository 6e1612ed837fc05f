"""What a machine without a browser does with these tests."""

from __future__ import annotations

import pytest

from browser.chromium import path_of_browser


@pytest.fixture(autouse=True)
def _nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmbatch_stack.install.browser.find", lambda: None)


def test_a_test_is_skipped_with_the_verb() -> None:
    with pytest.raises(pytest.skip.Exception, match="no Chromium: run `make browser`, or as root: apt-get"):
        path_of_browser({})


def test_ci_skips_nothing() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"no Chromium: .*; nothing is skipped where CI is set"):
        path_of_browser({"CI": "true"})
