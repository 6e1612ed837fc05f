"""The first rows, as they are asked and as they were answered."""

from __future__ import annotations

import json

import pytest

from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_job
from fakes.shown_jobs import put_rows, staged_row
from llmbatch.gateway.pages.job import stored_rows
from llmbatch.gateway.pages.job.preview import MOST_PARTS, MOST_ROWS, NONE_YET, Preview, ShownRow, Side, preview


def shown(*rows: object, side: Side = Side.INPUT) -> Preview:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    put_rows(gateway, spec, rows)  # type: ignore[arg-type]
    return preview(side, spec, gateway.store)


def asked(request: object) -> ShownRow:
    return shown(staged_row(1, request=request if isinstance(request, str) else json.dumps(request))).rows[0]


def test_messages_and_settings_of_a_chat() -> None:
    found = shown(*(staged_row(number) for number in range(9)))
    assert (len(found.rows), found.why) == (MOST_ROWS, "")
    first = found.rows[0]
    assert first.parts == (("system", "Be brief."), ("user", "What is a shard?"))
    assert (first.custom_id, first.line, json.loads(first.settings)) == ("q0", 0, {"max_tokens": 64})


@pytest.mark.parametrize(
    ("request_", "parts"),
    [
        ({"prompt": "p"}, (("prompt", "p"),)),
        ({"input": ["a", "b"]}, (("input", '["a", "b"]'),)),
        ({"messages": ["odd", {"role": None, "content": [{"type": "text"}]}]},
         (("message", "odd"), ("message", '[{"type": "text"}]'))),
        ("not json", (("row", "not json"),)),
        ("[" * 100_000, None),
    ],
)  # fmt: skip
def test_other_requests(request_: object, parts: object) -> None:
    found = asked(request_)
    assert parts is None or found.parts == parts


def test_a_long_chat_and_a_long_text_are_cut() -> None:
    found = asked({"messages": [{"role": "user", "content": "x" * 2**20}] * 30})
    assert found.parts[-1] == ("…", f"{30 - MOST_PARTS} more messages")
    assert len(found.parts[0][1]) < stored_rows.TEXT_CHARS + 40


def test_answers_and_failures() -> None:
    found = shown(staged_row(1), staged_row(2, error_class="invalid", error="bad"), side=Side.OUTPUT)
    assert found.rows[0].parts == (("text", "answer 1 ä"),)
    assert (found.rows[1].state, found.rows[1].error, found.rows[1].parts) == ("failed", "bad", ())


@pytest.mark.parametrize("side", Side)
def test_no_rows_say_why(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    assert preview(side, spec, gateway.store) == Preview(why=NONE_YET[side])
    put_rows(gateway, spec, [staged_row(1)])
    with monkeypatch.context() as patch:
        patch.setattr(stored_rows, "MOST_BYTES", 1)
        assert "MiB" in preview(side, spec, gateway.store).why
    for uri in (spec.layout.staged_shard("shard-00000"), spec.layout.result_shard("shard-00000")):
        gateway.store.put(uri, b"broken")
    assert preview(side, spec, gateway.store).why == "The first shard cannot be read."
