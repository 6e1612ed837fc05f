"""Rows of a job that name a LoRA adapter are answered with it, beside rows of the model itself."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from fakes.cluster_jobs import Job, outcomes
from fakes.ray_servers import BUCKET
from tiny_model import tiny_model
from tiny_models import tiny_adapter

pytestmark = [pytest.mark.integration, pytest.mark.nightly, pytest.mark.timeout(600)]


def chat(**more: Any) -> tuple[str, dict[str, Any]]:
    body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 8, "temperature": 0, **more}
    return "/v1/chat/completions", body


def test_adapters(job: Job) -> None:
    found = outcomes(
        job,
        tiny_model(),
        [chat(), chat(model="legal"), chat(), chat(model="stored")],
        objects={f"s3://{BUCKET}/adapter/{path.name}": path.read_bytes() for path in tiny_adapter().glob("adapter_*")},
        adapters={"legal": str(tiny_adapter()), "stored": f"s3://{BUCKET}/adapter"},
    )
    answers = [ChatCompletion.model_validate(body) for body, *_ in found]
    assert [answer.model for answer in answers] == ["tiny", "legal", "tiny", "stored"]
    base, legal, again, stored = (answer.choices[0].message.content for answer in answers)
    assert base == again != legal == stored
