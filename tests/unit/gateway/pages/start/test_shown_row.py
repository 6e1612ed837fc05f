"""A row as a page shows it: what is asked, cut to a bounded size."""

from __future__ import annotations

import json

from llmbatch.core.rows import StagedRow
from llmbatch.gateway.pages.start.shown_row import MOST_CHARS, MOST_TURNS, Turn, cut, shown_row


def _row(body: object, url: str = "/v1/chat/completions", error: str | None = None) -> StagedRow:
    return StagedRow(
        row_id="r", custom_id="c", line=3, url=url, request=body if isinstance(body, str) else json.dumps(body),
        input_chars=1, answer_limit=1, error_class="invalid" if error else None, error=error,
    )  # fmt: skip


def test_a_chat_is_its_messages_and_its_parameters() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    row = shown_row(_row({"max_tokens": 8, "messages": messages}))
    assert (row.line, row.custom_id, row.endpoint, row.error) == (3, "c", "/v1/chat/completions", None)
    assert row.turns == (Turn("system", "Be brief."), Turn("user", "Hi"))
    assert json.loads(row.parameters) == {"max_tokens": 8}


def test_parts_of_a_message_are_texts_and_short_json() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    calls = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}, calls]}
    first, second = shown_row(_row(body)).turns
    assert first.text.startswith("What is it?\n{")
    assert len(first.text) < 500
    assert (second.role, '"tool_calls"' in second.text) == ("assistant", True)


def test_other_endpoints_show_what_they_read() -> None:
    assert shown_row(_row({"input": "x"}, "/v1/embeddings")).turns == (Turn("input", "x"),)
    assert shown_row(_row({"prompt": "p", "n": 2}, "/v1/completions")).turns == (Turn("prompt", "p"),)
    pair = shown_row(_row({"queries": "q", "documents": ["d", "e"]}, "/v1/score")).turns
    assert pair == (Turn("queries", "q"), Turn("documents", "d"), Turn("documents", "e"))
    assert shown_row(_row({"prompt": [1, 2]}, "/v1/completions")).turns[0].text.split() == ["[", "1,", "2", "]"]


def test_a_row_that_cannot_be_read_shows_why_and_its_text() -> None:
    row = shown_row(_row("{broken", error="line 3 of x: not JSON. Repair it"))
    assert (row.turns, row.error, row.raw) == ((), "line 3 of x: not JSON. Repair it", "{broken")


def test_nothing_is_long() -> None:
    long = "x" * 1_000_000
    messages = [{"role": long, "content": long}] * (MOST_TURNS + 5) + ["odd", 7]
    row = shown_row(_row({"messages": messages, "user": long}))
    assert (len(row.turns), row.left_out) == (MOST_TURNS, 7)
    texts = [row.parameters, *(turn.role for turn in row.turns), *(turn.text for turn in row.turns)]
    assert max(map(len, texts)) < MOST_CHARS + 50
    assert cut(long).endswith("… (1000000 characters in all)")
    assert shown_row(_row({"messages": ["odd"]})).turns == (Turn("", "odd"),)
    bad = shown_row(_row(long, error=long))
    assert max(len(bad.raw), len(bad.error or "")) < MOST_CHARS + 50
