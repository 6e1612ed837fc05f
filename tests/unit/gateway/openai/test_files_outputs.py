"""Which output files a job has, and who reads them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.openai_sdk import FINISHED, delivered_batch
from llmbatch.core.gateway_layout import batches_uri
from llmbatch.core.layout import JobLayout
from llmbatch.core.request_options import OutputFormat
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.openai import files_outputs
from llmbatch.gateway.openai.files_outputs import (
    delete_output,
    deleted_outputs,
    is_output_id,
    output_files,
    output_ids,
    owned_batch_jobs,
    readable_output,
)
from llmbatch.gateway.wire.failures import Failure

JOB = "job-0000000000000001"
OUT, ERR = "file-out-0000000000000001", "file-err-0000000000000001"
ADA = Caller("ada", "Bearer user-ada")


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway()


def shown(gateway: FakeGateway) -> list[str]:
    return [file.shown.id for file in output_files(gateway.store, BASE, JOB, gateway.clock.now())]


def found(gateway: FakeGateway, file_id: str = OUT, caller: Caller = ADA) -> str:
    return readable_output(gateway.store, BASE, caller, file_id, gateway.clock.now()).shown.id


def test_ids_are_those_of_the_job() -> None:
    assert output_ids(JOB) == (OUT, ERR)
    assert all(map(is_output_id, (OUT, ERR)))
    assert not any(map(is_output_id, ("file-out-1", f"{OUT}\n", OUT.upper(), "file-" + "0" * 24, f"x{OUT}")))


def test_a_file_without_rows_is_not_one(gateway: FakeGateway) -> None:
    delivered_batch(gateway, output=b"", errors=b"{}\n")
    assert shown(gateway) == [ERR]
    with pytest.raises(Failure, match="No such File object"):
        found(gateway)


def test_parts_are_one_file_in_their_order(gateway: FakeGateway) -> None:
    delivered_batch(gateway, output_00000=b"1\n", output_00001=b"2\n", errors=b"3\n")
    files = output_files(gateway.store, BASE, JOB, gateway.clock.now())
    assert [[gateway.store.get(info.uri) for info in file.objects] for file in files] == [[b"1\n", b"2\n"], [b"3\n"]]
    assert (files[0].shown.bytes, files[0].shown.created_at) == (4, int(FINISHED.timestamp()))


def test_a_job_has_files_from_its_proof_on_and_as_long_as_they_are_there(gateway: FakeGateway) -> None:
    assert shown(gateway) == []
    delivered_batch(gateway, output=b"1\n")
    assert shown(gateway) == [OUT]
    manifest = JobLayout.of(BASE, JOB).manifest
    proof = gateway.store.get(manifest)
    for unproved in (b"{", proof.replace(JOB.encode(), b"job-0000000000000002")):
        gateway.store.put(manifest, unproved)
        assert shown(gateway) == []
    gateway.store.delete(manifest)
    assert shown(gateway) == []
    gateway.store.put(manifest, proof)
    gateway.store.delete(f"s3://b/out/{JOB}/output.jsonl")
    assert shown(gateway) == []


def test_a_job_that_delivers_another_format_has_none(gateway: FakeGateway) -> None:
    delivered_batch(gateway, output=b"1\n", output_format=OutputFormat.JSONL)
    assert shown(gateway) == []


def test_owners_and_administrators_read_them(gateway: FakeGateway) -> None:
    delivered_batch(gateway, output=b"1\n")
    assert found(gateway) == OUT
    assert found(gateway, caller=Caller("root", "", is_admin=True)) == OUT
    with pytest.raises(Failure, match="No such File object"):
        found(gateway, caller=Caller("bob", ""))


def test_the_job_of_a_schedule_belongs_to_no_user(gateway: FakeGateway) -> None:
    delivered_batch(gateway, owner="", output=b"1\n")
    with pytest.raises(Failure):
        found(gateway, caller=Caller("", ""))


def test_a_deletion_leaves_the_job_and_its_other_file(gateway: FakeGateway) -> None:
    delivered_batch(gateway, output=b"1\n", errors=b"2\n")
    before = dict(gateway.store.objects)
    now = gateway.clock.now()
    file = readable_output(gateway.store, BASE, ADA, OUT, now)
    for _ in range(2):
        delete_output(gateway.store, BASE, file, now)
    with pytest.raises(Failure, match="No such File object"):
        found(gateway)
    assert found(gateway, ERR) == ERR
    assert deleted_outputs(gateway.store, BASE, "ada") == {OUT}
    assert before.items() <= gateway.store.objects.items()


def test_files_of_a_batch_that_says_so_expire(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    delivered_batch(gateway, output=b"1\n")
    monkeypatch.setattr(files_outputs, "output_seconds", lambda *_: 3600)
    for seconds, ids in ((3599, [OUT]), (3600, [])):
        files = output_files(gateway.store, BASE, JOB, FINISHED + timedelta(seconds=seconds))
        assert [file.shown.id for file in files] == ids
        assert all(file.shown.expires_at == file.shown.created_at + 3600 for file in files)


def test_the_jobs_of_a_user_are_those_of_the_user_s_batches(gateway: FakeGateway) -> None:
    for number, owner in ((1, "ada"), (2, "bob"), (3, "ada")):
        delivered_batch(gateway, number, owner)
    gateway.store.put(f"{batches_uri(BASE, 'ada')}other.json", b"")
    assert [*owned_batch_jobs(gateway.store, BASE, "ada")] == [JOB, "job-0000000000000003"]
