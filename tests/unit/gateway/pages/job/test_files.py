"""Input objects and delivered files."""

from __future__ import annotations

from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_finished
from llmbatch.core.job_spec import InputObject
from llmbatch.core.manifest import OutputRecord
from llmbatch.gateway.pages.job.files import MOST_SHOWN, job_files

INPUTS = tuple(InputObject(uri=f"s3://b/{number}", etag="e", size=1) for number in range(30))


def test_delivered_files_have_sizes_and_links() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, files={"results.jsonl": b"{}\n", "failed.jsonl": b""})
    proof = gateway.parts.documents.proof(spec.job_id)
    assert proof is not None
    found = job_files(spec, proof, INPUTS, gateway.store, "/llmbatch", may_read=True)
    assert found.outputs is not None
    assert [(file.name, file.kind, file.bytes) for file in found.outputs] == [
        ("results.jsonl", "results", 3), ("failed.jsonl", "errors", 0)
    ]  # fmt: skip
    assert found.outputs[0].url == f"/llmbatch/jobs/{spec.job_id}/results/results.jsonl"
    assert (len(found.inputs), spec.root_uri in found.command) == (MOST_SHOWN, True)
    many = tuple(OutputRecord(uri=f"s3://b/o-{n}", rows=1, etag="e") for n in range(50))
    more = job_files(spec, proof.model_copy(update={"outputs": many}), (), gateway.store, "", may_read=True)
    assert more.more_outputs == 50 - MOST_SHOWN


def test_others_see_no_file_and_no_command() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, files={"results.jsonl": b"{}\n"})
    found = job_files(spec, gateway.parts.documents.proof(spec.job_id), (), gateway.store, "", may_read=False)
    assert (found.outputs, found.command) == (None, "")


def test_before_the_delivery_there_is_none() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway)
    assert job_files(spec, None, (), gateway.store, "", may_read=True).outputs == ()
