"""``results`` and ``errors`` over the real application."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.command_line import answering, command_line
from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_finished, put_job

FILES = {"results.jsonl": b'{"a": 1}\n{"a": 2}\n', "failed.jsonl": b'{"custom_id": "x", "error": {"code": "c"}}\n'}


def test_files_are_listed_and_downloaded(tmp_path: Path) -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, files=FILES)
    line = command_line(gateway)
    out = line.run("results", spec.job_id).out
    assert all(name in out for name in FILES)
    done = line.run("results", spec.job_id, "-o", str(tmp_path / "a"))
    assert done.out.splitlines() == [str(tmp_path / "a" / name) for name in FILES]
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == FILES
    document: Any = line.run("results", spec.job_id, "-o", str(tmp_path / "a"), "--json").document
    assert [file["name"] for file in document["files"]] == list(FILES)
    assert document["downloaded"] == [str(tmp_path / "a" / name) for name in FILES]


def test_errors_are_lines(tmp_path: Path) -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, files=FILES)
    line = command_line(gateway)
    assert line.run("errors", spec.job_id).out.encode() == FILES["failed.jsonl"]
    assert line.run("errors", spec.job_id, "-o", str(tmp_path / "e")).out == ""
    assert (tmp_path / "e").read_bytes() == FILES["failed.jsonl"]


def test_a_job_that_runs_has_none() -> None:
    gateway = fake_gateway()
    assert command_line(gateway).run("results", put_job(gateway, "r").job_id).code == 1


def test_answers_of_others_do_not_exist() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, owner="bob", files=FILES)
    assert command_line(gateway).run("errors", spec.job_id).code in {3, 4}


def files(name: str, size: int) -> dict[str, object]:
    return {"files": [{"name": name, "kind": "results", "rows": 1, "bytes": size, "uri": "s3://b/x", "url": ""}]}


@pytest.mark.parametrize("name", ["../x", "/etc/x", "..", ".", "", "a/b", "a\n"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    line = answering(lambda _: httpx.Response(200, json=files(name, 1)))
    assert line.run("results", "job-1", "-o", str(folder)).code == 1
    assert list(tmp_path.rglob("*")) == []


def test_a_short_download_is_no_result(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        is_list = request.url.path.endswith("/results")
        return httpx.Response(200, json=files("a", 9)) if is_list else httpx.Response(200, content=b"123")

    done = answering(answer).run("results", "job-1", "-o", str(tmp_path))
    assert (done.code, (tmp_path / "a").exists()) == (5, False)
