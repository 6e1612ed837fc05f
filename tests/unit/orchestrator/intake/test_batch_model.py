"""The model of a batch is the one that its lines name."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from llmbatch.core.config import Config
from llmbatch.core.errors import RequestError
from llmbatch.core.gateway_layout import files_uri
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.intake.accept import accept, request_of

CREATED = datetime(2030, 1, 2, 3, tzinfo=UTC)
CHAT = "/v1/chat/completions"


def job(*models: object, lines: bytes = b"", **conf: object) -> JobSpec:
    config = Config.model_validate(
        {
            "default_model": "small",
            "models": {"small": {"uri": "org/small"}, "big": {"uri": "org/big", "adapters": {"legal": "s3://x/legal"}}},
            "engine": {"kind": "echo"},
        }
    )
    store = MemoryStore()
    rows = [{"custom_id": "a", "method": "POST", "url": CHAT, "body": {"model": model}} for model in models]
    uri = f"{files_uri(config.store.base_uri, 'ann')}content/file-1.jsonl"
    store.put(uri, lines + "".join(json.dumps(row) + "\n" for row in rows).encode())
    given = {"input_uri": uri, "input_format": "openai_batch", "batch_endpoint": CHAT, **conf}
    request = request_of({}, given)
    return accept(request, dag_id="d", run_id="r", created_at=CREATED, config=config, store=store, owner="ann")


@pytest.mark.parametrize(
    ("models", "named", "served"),
    [
        (["big"], "big", "big"),
        (["legal", "big"], "legal", "big"),
        (["unknown", "big"], None, "small"),
        ([None, 7, "big"], "big", "big"),
        ([], None, "small"),
    ],
)
def test_the_first_line_with_a_model_decides(models: list[object], named: str | None, served: str) -> None:
    spec = job(*models, lines=b'broken\n{"body": 1}\n')
    assert (spec.request.model, spec.model_name) == (named, served)


def test_a_job_that_is_no_batch_keeps_its_model() -> None:
    assert job("big", batch_endpoint=None).model_name == "small"


def test_another_format_is_refused() -> None:
    with pytest.raises(RequestError, match="batch_endpoint: does not apply to jsonl input"):
        job("big", input_format="jsonl")


def test_a_file_of_another_kind_is_left_to_the_check_of_all_lines() -> None:
    assert job(lines=b"PAR1").request.model is None
