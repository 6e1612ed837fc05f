"""What the driver says of a job's schema."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.cluster.driver.schema_gate import refused_schema


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, None),
        ({"type": "string", "pattern": "("}, "output_schema: the engine cannot decode to the JSON schema: pattern: "),
        ({"enum": ["x" * 300_000]}, "more than 262144"),
    ],
)
def test_the_job_s_schema(schema: dict[str, Any], reason: str | None) -> None:
    found = refused_schema(schema)
    assert (found is None) == (reason is None)
    assert reason is None or reason in (found or "")
