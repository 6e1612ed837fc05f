"""Where Airflow is; the token is tested with ``login``."""

from __future__ import annotations

import pytest

from llmbatch.cli.client.airflow_token import airflow_of
from llmbatch.cli.client.exits import CommandError


def test_a_mounted_gateway_is_on_airflows_server() -> None:
    assert airflow_of("https://h/a/llmbatch", None) == "https://h/a"
    assert airflow_of("https://g", "https://airflow/") == "https://airflow"
    with pytest.raises(CommandError, match="--airflow"):
        airflow_of("https://g", None)
