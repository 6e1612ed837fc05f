"""The batch that is sent is one that OpenAI's and LiteLLM's own models read, in all states."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from openai import types
from openai.types.batch import Batch as OpenaiBatch
from pydantic import BaseModel

from fakes.batches import STATUSES, BatchWorld, in_status
from llmbatch.gateway.openai.batch import Batch, BatchPage, BatchStatus


def models_in(kind: Any) -> list[type[BaseModel]]:
    """Return the model that a type is or holds."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for part in get_args(kind) for model in models_in(part)]


def missing(theirs: type[BaseModel], ours: type[BaseModel], path: str = "") -> list[str]:
    """Return the fields that OpenAI's model has and ours has not, also in nested models."""
    found: list[str] = []
    for name, field in theirs.model_fields.items():
        if name not in ours.model_fields:
            found.append(f"{path}{name}")
            continue
        pairs = zip(models_in(field.annotation), models_in(ours.model_fields[name].annotation), strict=True)
        found += [lost for their, our in pairs for lost in missing(their, our, f"{path}{name}.")]
    return found


def test_a_batch_has_every_field_of_openai_s() -> None:
    assert missing(OpenaiBatch, Batch) == []


def test_the_comparison_sees_a_missing_field() -> None:
    class Smaller(BaseModel):
        id: str

    assert "status" in missing(OpenaiBatch, Smaller)


def test_the_states_are_openai_s() -> None:
    assert {status.value for status in BatchStatus} == set(get_args(OpenaiBatch.model_fields["status"].annotation))


@pytest.mark.parametrize("status", STATUSES)
def test_openai_s_model_reads_it_strictly(status: str) -> None:
    world = BatchWorld()
    batch_id = in_status(world, status)
    answer = world.client.get(f"/v1/batches/{batch_id}", headers=world.gateway.as_user("ann"))
    read = types.Batch.model_validate_json(answer.content, strict=True)
    assert (read.id, read.status) == (batch_id, status)
    assert read.model_extra in (None, {})


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.filterwarnings("ignore")  # litellm's own
def test_litellm_s_model_reads_it(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    from litellm.types.utils import LiteLLMBatch

    world = BatchWorld()
    found = world.get(in_status(world, status))
    assert LiteLLMBatch(**found).status == status  # type: ignore[arg-type]


def test_a_page_names_its_ends() -> None:
    empty = BatchPage.of((), has_more=False)
    assert (empty.first_id, empty.last_id, empty.has_more) == (None, None, False)
