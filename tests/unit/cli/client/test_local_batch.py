"""Only files of OpenAI's Batch API are uploaded; the upload itself is tested with ``submit``."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.local_batch import batch_endpoint


def test_the_first_request_names_the_endpoint(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {}}\nno json\n')
    assert batch_endpoint(path) == "/v1/embeddings"


@pytest.mark.parametrize("text", ["[]", "{}", '{"custom_id": "a", "url": 3, "body": {}}'])
def test_another_file_is_not(tmp_path: Path, text: str) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(text)
    with pytest.raises(CommandError, match=r"s3://BUCKET/in\.jsonl"):
        batch_endpoint(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.jsonl is not readable") as caught:
        batch_endpoint(tmp_path / "none.jsonl")
    assert caught.value.exit_code is Exit.USAGE
