"""``/v1/models`` as the official SDK uses it."""

from __future__ import annotations

import openai
import openai.types
import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.openai_sdk import openai_of
from llmbatch.gateway.openai.models import ModelList, ModelObject
from llmbatch.gateway.wire.failures import Failure


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway(
        models={"small": {"uri": "hub/small", "adapters": {"org/name": "s3://b/a"}}, "b": {"uri": "h/b"}}
    )


def test_42_models_are_listed_and_one_with_a_slash_is_found(gateway: FakeGateway) -> None:
    models = openai_of(gateway).models
    assert [model.id for model in models.list()] == ["small", "org/name", "b"]
    assert models.retrieve("org/name") == openai.types.Model(
        id="org/name", created=0, object="model", owned_by="llmbatch", shutdown_date=None
    )
    assert gateway.client.get("/v1/models/org/name", headers=gateway.as_user("ada")).status_code == 200


def test_an_unknown_model_is_404_in_openai_s_words(gateway: FakeGateway) -> None:
    with pytest.raises(
        openai.NotFoundError, match="The model 'org/x' does not exist or you do not have access"
    ) as found:
        openai_of(gateway).models.retrieve("org/x")
    assert (found.value.code, found.value.param, found.value.type) == (
        "model_not_found", "model", "invalid_request_error",
    )  # fmt: skip


def test_a_caller_without_a_valid_key_sees_no_model(gateway: FakeGateway) -> None:
    for route in ("/v1/models", "/v1/models/small"):
        assert gateway.client.get(route).status_code == 401


def test_a_user_who_may_not_read_jobs_sees_neither_models_nor_files(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object, **__: object) -> None:
        raise Failure(403, "Airflow refuses this.", type="permission_error", code="forbidden")

    monkeypatch.setattr(gateway.airflow, "runs", refused)
    for route in ("models", "models/small", "files", "files/x", "files/x/content"):
        assert gateway.client.get(f"/v1/{route}", headers=gateway.as_user("ada")).status_code == 403
    for route in ("files", "uploads/x/parts", "uploads/x/cancel"):
        assert gateway.client.post(f"/v1/{route}", headers=gateway.as_user("ada")).status_code == 403
    assert gateway.client.delete("/v1/files/x", headers=gateway.as_user("ada")).status_code == 403


def test_44_our_models_have_all_fields_of_the_sdk_s() -> None:
    assert openai.types.Model.model_fields.keys() <= ModelObject.model_fields.keys()
    for model in (ModelObject, ModelList):
        for example in model.model_config["json_schema_extra"]["examples"]:  # type: ignore[index,call-overload,union-attr]
            assert model.model_validate(example).model_dump() == example
