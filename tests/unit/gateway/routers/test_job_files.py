"""``GET /jobs/{job_id}/results`` and ``/errors`` over HTTP."""

from __future__ import annotations

import json

import pytest
from httpx2 import Response

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished, put_job
from llmbatch.core.job_spec import JobSpec

FILES = {"results.jsonl": b'{"n":1}\n{"n":2}\n', "failed.jsonl": b'{"error":"x"}\n'}


def _get(gateway: FakeGateway, spec: JobSpec, path: str, user: str = "ann", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.get(f"/jobs/{spec.job_id}/{path}", headers={**gateway.as_user(user), **named})


def test_the_list_leads_to_the_files() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, files=FILES)
    files = _get(gateway, spec, "results").json()["files"]
    assert [(file["name"], file["rows"], file["bytes"]) for file in files] == [
        ("results.jsonl", 2, 16), ("failed.jsonl", 1, 14),
    ]  # fmt: skip
    answer = gateway.client.get(files[0]["url"], headers=gateway.as_user("ann"))
    assert (answer.status_code, answer.content) == (200, FILES["results.jsonl"])
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-length"] == "16"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''results.jsonl"


def test_presigned_addresses_expire_as_configured() -> None:
    gateway = fake_gateway(gateway={"presigned_seconds": 60})
    spec = put_finished(gateway, files=FILES)
    files = _get(gateway, spec, "results?presigned=true").json()["files"]
    assert [file["url"].endswith("?expires=60") for file in files] == [True, True]


def test_a_range_and_a_known_file() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, files=FILES)
    part = _get(gateway, spec, "results/results.jsonl", Range="bytes=8-")
    assert (part.status_code, part.content) == (206, b'{"n":2}\n')
    assert (part.headers["content-range"], part.headers["content-length"]) == ("bytes 8-15/16", "8")
    beyond = _get(gateway, spec, "results/results.jsonl", Range="bytes=16-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */16")
    known = _get(gateway, spec, "results/results.jsonl", If_None_Match=part.headers["etag"])
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize("path", ["results", "results?presigned=true", "results/results.jsonl", "errors"])
def test_rows_are_for_the_owner_and_admins(path: str) -> None:
    gateway = fake_gateway(admins=("boss",))
    spec = put_finished(gateway, files=FILES)
    assert [_get(gateway, spec, path, user).status_code for user in ("ann", "boss", "bob")] == [200, 200, 404]
    assert _get(gateway, spec, path, "bob").json()["error"]["code"] == "job_not_found"
    assert gateway.client.get(f"/jobs/{spec.job_id}/{path}").status_code == 401
    nobodys = put_finished(gateway, "scheduled", "", files=FILES)
    assert _get(gateway, nobodys, path).status_code == 404


@pytest.mark.parametrize("path", ["results", "results/results.jsonl", "errors"])
def test_a_job_without_a_proof_is_a_conflict_with_its_state(path: str) -> None:
    gateway = fake_gateway()
    answer = _get(gateway, put_job(gateway, "r"), path)
    assert (answer.status_code, "is running" in answer.json()["error"]["message"]) == (409, True)


@pytest.mark.parametrize("name", ["spec.json", "..%2f..%2fspec.json", "%2e%2e", "manifest.json", "x" * 150, "%00"])
def test_no_other_object_is_reached(name: str) -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, files=FILES)
    assert _get(gateway, spec, f"results/{name}").status_code == 404


def test_errors_are_lines_and_a_replaced_file_is_not_delivered() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, files=FILES)
    answer = _get(gateway, spec, "errors")
    assert [json.loads(line) for line in answer.text.splitlines()] == [{"error": "x"}]
    gateway.store.put(f"{spec.output_uri}failed.jsonl", b"other\n")
    assert _get(gateway, spec, "errors").json()["error"]["code"] == "file_changed"


@pytest.mark.parametrize("path", ["results", "errors", "results/results.jsonl"])
def test_wrong_methods(path: str) -> None:
    gateway = fake_gateway()
    assert gateway.client.post(f"/jobs/job-0000000000000009/{path}", headers=gateway.as_user("ann")).status_code == 405
