"""The models of config.yaml."""

from __future__ import annotations

import pytest

from llmbatch.core.config import Config
from llmbatch.gateway.openai.models import served_model, served_models
from llmbatch.gateway.wire.failures import Failure

CONFIG = Config.model_validate(
    {
        "models": {"a": {"uri": "h/a", "adapters": {"x": "s3://b/x"}}, "b": {"uri": "h/b"}},
        "default_model": "b",
    }
)


def test_models_come_before_their_adapters_in_the_order_of_the_file() -> None:
    assert [model.id for model in served_models(CONFIG).data] == ["a", "x", "b"]


def test_a_model_is_found_by_its_name_and_not_by_its_address() -> None:
    assert served_model(CONFIG, "x").id == "x"
    with pytest.raises(Failure, match="The model 'h/a' does not exist") as found:
        served_model(CONFIG, "h/a")
    assert (found.value.status, found.value.code) == (404, "model_not_found")
