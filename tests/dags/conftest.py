"""DAGs are serialized as in an Airflow that has loaded the plugin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from airflow import plugins_manager

from llmbatch.provider.plugin import LlmbatchPlugin


@pytest.fixture(scope="session", autouse=True)
def plugin() -> Iterator[None]:
    rules = {f"{one.__module__}.{one.__qualname__}": one for one in LlmbatchPlugin.priority_weight_strategies}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins_manager, "get_priority_weight_strategy_plugins", lambda: rules)
        yield
