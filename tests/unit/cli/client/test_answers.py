"""Answers of another version: unknown fields are ignored, a missing one is named."""

from __future__ import annotations

import pytest

from llmbatch.cli.client.answers import Rows, Steered, read
from llmbatch.cli.client.exits import CommandError


def test_an_answer_is_read() -> None:
    assert read(Steered, {"job_id": "j", "done": "d", "new": 1}).done == "d"
    assert Rows(succeeded=1, failed=2, expired=3, cancelled=4).ended == 10


@pytest.mark.parametrize(("document", "named"), [({"job_id": "j"}, "done"), ([], "document")])
def test_what_is_missing_is_named(document: dict[str, str] | list[str], named: str) -> None:
    with pytest.raises(CommandError, match=named):
        read(Steered, [*document] if isinstance(document, list) else {**document})
