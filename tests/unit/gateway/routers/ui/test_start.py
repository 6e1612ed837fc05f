"""``/ui/start`` over HTTP."""

from __future__ import annotations

import json

import pytest
from httpx2 import Response

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.gateway_checks import put_check
from fakes.gateway_jobs import put_run
from llmbatch.core.clock import LAST_DAY
from llmbatch.core.gateway_layout import files_uri, service_uri
from llmbatch.core.service import Service

ROWS = {"input_uri": "s3://b/in.jsonl"}
HOSTILE = "</pre><script>alert(1)</script>\"' \x1b[31m \u202egnp.exe"


def _get(gateway: FakeGateway, path: str, name: str = "ann", role: str = "user", **headers: str) -> Response:
    return gateway.client.get(f"/ui/start{path}", headers={**gateway.as_user(name, role), **headers})


def _rows(gateway: FakeGateway, body: object = ROWS, name: str = "ann", role: str = "user") -> Response:
    return gateway.client.post("/ui/start/rows", json=body, headers=gateway.as_user(name, role))


def test_the_page_has_a_labelled_control_for_every_field() -> None:
    answer = _get(fake_gateway(), "")
    assert (answer.status_code, "default-src 'none'" in answer.headers["content-security-policy"]) == (200, True)
    text = answer.text
    for name in ("input_uri", "prompt_template", "model", "sampling.max_tokens", "sla_hours", "priority"):
        assert f'<label for="start-{name.replace(".", "-")}"' in text
    assert "small (default)" in text
    assert f'data-uploaded="{files_uri(BASE, "ann")}content/FILE.jsonl"' in text
    assert 'id="start-go"' in text
    assert "start.js" in text
    assert "shut down" not in text


def test_one_who_may_not_start_sees_no_button_and_whom_to_ask() -> None:
    text = _get(fake_gateway(), "", role="viewer").text
    assert "Ask an administrator of Airflow" in text
    assert 'id="start-go"' not in text
    assert 'id="start-check"' not in text
    assert "start.js" not in text
    assert 'id="start-found"' not in text
    assert text.count("<fieldset disabled>") == text.count("<fieldset")


def test_a_shutdown_is_said_and_its_buttons_are_off() -> None:
    gateway = fake_gateway()
    service = Service(admitting=False, reason="<b>upgrade</b>", by="ops", at=gateway.clock.now())
    gateway.store.put(service_uri(BASE), service.model_dump_json().encode())
    text = _get(gateway, "").text
    assert "The service is shut down by ops since" in text
    assert "&lt;b&gt;upgrade&lt;/b&gt;" in text
    assert 'id="start-go" class="strong" disabled' in text


def test_the_first_rows_are_text_whatever_they_hold() -> None:
    gateway = fake_gateway()
    lines = [{"prompt": HOSTILE, "custom_id": HOSTILE[:60]}, {"prompt": "x" * 300_000}, {"prompt": 7}]
    gateway.store.put("s3://b/in.jsonl", b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    answer = _rows(gateway, {**ROWS, "system_prompt": HOSTILE})
    assert answer.status_code == 200
    text = answer.text
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "(300000 characters in all)" in text
    assert len(text) < 40_000
    assert "is not a text" in text
    assert "cannot be read" in text


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input_uri": "s3://b/none.jsonl"}, "input_uri"),
        ({"input_uri": "s3://b/in.jsonl", "prompt_column": "other"}, "prompt_column"),
        ({"input_uri": "s3://b/in.jsonl", "sla_hours": -1}, "sla_hours"),
        ({}, "input_uri"),
    ],
)
def test_an_error_of_the_rows_names_its_field(body: dict[str, object], param: str) -> None:
    gateway = fake_gateway()
    gateway.store.put("s3://b/in.jsonl", b'{"prompt": "x"}\n')
    answer = _rows(gateway, body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_rows_need_the_right_to_start_and_uploads_their_owner() -> None:
    gateway = fake_gateway()
    uri = f"{files_uri(BASE, 'ann')}content/file-1.jsonl"
    gateway.store.put(uri, b'{"prompt": "secret"}\n')
    assert _rows(gateway, {"input_uri": uri}, role="viewer").status_code == 403
    assert "secret" in _rows(gateway, {"input_uri": uri}).text
    other = _rows(gateway, {"input_uri": uri}, name="bob")
    assert (other.status_code, "secret" in other.text) == (400, False)


def test_a_check_is_polled_until_it_has_a_result() -> None:
    gateway = fake_gateway()
    job_id = put_run(gateway, "c", "queued", dry_run=True)
    waits = _get(gateway, f"/check/{job_id}")
    assert "data-wait" in waits.text
    assert _get(gateway, f"/check/{job_id}", **{"If-None-Match": waits.headers["etag"]}).status_code == 304
    body = b'{"prompt": "hi"}\n' * 36 + b"<script>broken\n"
    text = _get(gateway, f"/check/{put_check(gateway, body=body).job_id}?tz=Europe/Berlin").text
    assert ("data-wait" in text, "data-done" in text, "<script" in text) == (False, True, False)
    assert "In time" in text
    assert "line 37 of in.jsonl" in text
    assert "CET" in text


def test_examples_of_invalid_rows_are_text() -> None:
    gateway = fake_gateway()
    result = put_check(gateway)
    hostile = result.model_copy(update={"invalid_rows": 1, "invalid_examples": (HOSTILE,), "tuned": HOSTILE})
    uri = gateway.parts.documents.layout(result.job_id).dry_run
    gateway.store.put(uri, hostile.model_dump_json().encode())
    text = _get(gateway, f"/check/{result.job_id}").text
    assert text.count("&lt;script&gt;alert(1)") == 2
    assert ("<script" in text, "\x1b" in text, "\u202e" in text) == (False, False, False)


def test_costs_are_shown_where_a_price_is_known() -> None:
    gateway = fake_gateway(engine={"accelerator": "gpu"}, cost={"usd_per_gpu_hour": 2.5})
    assert "$2.50" in _get(gateway, f"/check/{put_check(gateway).job_id}").text
    free = fake_gateway()
    assert "cost is unknown" in _get(free, f"/check/{put_check(free, basis=None).job_id}").text


def test_a_failed_check_says_why() -> None:
    gateway = fake_gateway()
    job_id = put_run(gateway, "c", "failed", dry_run=True)
    text = _get(gateway, f"/check/{job_id}").text
    assert 'data-field=""' in text
    assert "marked as failed" in text


def test_a_verdict_is_a_sentence_with_a_level() -> None:
    gateway = fake_gateway()
    job_id = put_check(gateway).job_id
    assert '<span class="level ok">In time</span>' in _get(gateway, f"/verdict/{job_id}?sla_hours=6").text
    late = _get(gateway, f"/verdict/{job_id}?sla_hours=0.5&priority=3").text
    assert '<span class="level critical">Too late</span>' in late


@pytest.mark.parametrize("query", ["", "?sla_hours=0", "?sla_hours=nan", "?sla_hours=1e9", "?sla_hours=6&priority=101"])
def test_a_verdict_needs_a_deadline_that_a_job_may_have(query: str) -> None:
    gateway = fake_gateway()
    assert _get(gateway, f"/verdict/{put_check(gateway).job_id}{query}").status_code == 400


@pytest.mark.parametrize("kind", ["check", "verdict"])
def test_results_of_others_are_refused(kind: str) -> None:
    gateway = fake_gateway(admins=("ada",))
    path = f"/{kind}/{put_check(gateway).job_id}?sla_hours=6"
    assert [_get(gateway, path, name).status_code for name in ("bob", "ada", "ann")] == [403, 200, 200]
    assert _get(gateway, f"/{kind}/job-0123456789abcdef?sla_hours=6").status_code == 404


def test_a_result_in_the_far_future_is_shown() -> None:
    gateway = fake_gateway()
    gateway.clock.advance((LAST_DAY - gateway.clock.now()).total_seconds() - 7200)
    assert _get(gateway, f"/check/{put_check(gateway).job_id}?tz=Pacific/Kiritimati").status_code == 200
