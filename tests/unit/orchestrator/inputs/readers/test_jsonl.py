"""JSONL lines: a bad line fails alone, with its place and the reason."""

from __future__ import annotations

import pytest

from fakes.input_rows import rows_of
from llmbatch.core.request_options import InputFormat

BAD_JSONL = [
    (b"{}", "the row has no `messages` or `conversations` or `prompt`"),
    (b'{"prompt": null}', "`prompt` is null"),
    (b'{"prompt": "  "}', "`prompt` is blank"),
    (b'{"prompt": 7}', "`prompt` is not a text"),
    (b'{"messages": {}}', "`messages` is an object, not a list"),
    (b'{"prompt": "a", "key": [1]}', "`key` is not a text or a number"),
    (b'{"prompt": "a", "key": "\\ud800"}', "surrogate"),
    (b'{"prompt": "a", "key": NaN, "sampling": {"top_p": NaN}}', "`top_p`"),
    (b'{"messages": [{"role": "user", "content": "a", "score": NaN}]}', "`messages[0].score` is NaN"),
    (b'{"prompt": "a", "sampling": 3}', "`sampling` is not an object"),
    (b'{"prompt": "a", "sampling": {"heat": 3}}', "`heat` is not a parameter"),
    (b'{"prompt": "a", "sampling": {"top_p": 3}}', "`top_p`"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_JSONL)
def test_bad_jsonl_line(bad: bytes, reason: str) -> None:
    rows = rows_of(b'{"prompt": "a"}\n' + bad + b'\n{"text": "b"}', InputFormat.JSONL, id_column="key")
    assert [row.error is None for row in rows] == [True, False, True]
    assert rows[1].error.startswith("line 2 of a.txt: ")
    assert reason in rows[1].error
    assert rows[1].request == bad.decode()
