"""Prompt columns that a request need not name."""

from __future__ import annotations

import pytest

from llmbatch.orchestrator.inputs.columns import companions, default_columns


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        (["prompt", "messages"], ("messages",)),
        (["text", "prompt"], ("prompt",)),
        (["conversations", "prompt"], ("conversations",)),
        (["instruction", "input", "output", "text"], ("instruction", "input")),
        (["instruction", "context", "input"], ("instruction", "input", "context")),
        (["instruction", "text"], ("text",)),
        (["instruction", "output"], ("instruction",)),
        (["question", "context"], ("question", "context")),
        (["input", "output"], ("input",)),
        (["id", "words"], None),
        ([], None),
    ],
)
def test_default_columns(available: list[str], expected: tuple[str, ...] | None) -> None:
    assert default_columns(available) == expected


def test_only_some_columns_have_companions() -> None:
    assert companions("question", ["input", "context"]) == ("context",)
    assert companions("prompt", ["input", "context"]) == ()
