"""A session opens the configured gateway."""

from __future__ import annotations

import pytest

from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.session import Session


def test_a_gateway_needs_a_host() -> None:
    with pytest.raises(CommandError, match="LLMBATCH_HOST") as caught:
        Session(environ={"LLMBATCH_CLIENT_CONFIG": "/nonexistent/a.toml"}).gateway()
    assert caught.value.exit_code is Exit.USAGE


def test_a_log_is_not_wrapped() -> None:
    assert Session(environ={}).console().width == 200
