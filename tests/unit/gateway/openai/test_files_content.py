"""Downloads."""

from __future__ import annotations

import pytest

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.openai_sdk import delivered_batch
from llmbatch.core.errors import ObjectMissing
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.openai.files import content_uri, new_file_id
from llmbatch.gateway.openai.files_changes import store_file
from llmbatch.gateway.openai.files_content import PIECE_BYTES, Content, open_content
from llmbatch.gateway.openai.files_spool import Spool
from llmbatch.gateway.wire.failures import Failure

ADA = Caller("ada", "Bearer user-ada")


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway()


def uploaded(gateway: FakeGateway, content: bytes) -> str:
    now = gateway.clock.now()
    with Spool() as spool:
        spool.write(content)
        file_id = new_file_id(now)
        store_file(gateway.store, BASE, "ada", file_id, spool, filename="a.jsonl", seconds=60, now=now)
    return file_id


def opened(gateway: FakeGateway, file_id: str) -> Content:
    return open_content(gateway.store, BASE, ADA, file_id, gateway.clock.now())


def test_a_file_comes_in_pieces(gateway: FakeGateway) -> None:
    content = b"{}" * PIECE_BYTES
    found = opened(gateway, uploaded(gateway, content))
    pieces = [*found.pieces]
    assert (b"".join(pieces), found.size, len(pieces)) == (content, len(content), 2)


def test_the_parts_of_an_output_come_one_after_the_other(gateway: FakeGateway) -> None:
    delivered_batch(gateway, output_00000=b"1\n", output_00001=b"2\n")
    found = opened(gateway, "file-out-0000000000000001")
    assert (b"".join(found.pieces), found.size) == (b"1\n2\n", 4)
    assert found.filename == "batch_output_batch_0000000000000001.jsonl"


def test_content_that_is_gone_or_is_not_the_uploaded_one_is_404(gateway: FakeGateway) -> None:
    file_id = uploaded(gateway, b"{}")
    gateway.store.put(content_uri(BASE, "ada", file_id), b"[]")
    with pytest.raises(Failure, match="No such File object"):
        opened(gateway, file_id)
    gateway.store.delete(content_uri(BASE, "ada", file_id))
    with pytest.raises(Failure, match="No such File object"):
        opened(gateway, file_id)


def test_a_part_that_disappears_ends_the_download_before_its_length(gateway: FakeGateway) -> None:
    job_id = delivered_batch(gateway, output_00000=b"1\n", output_00001=b"2\n")
    found = opened(gateway, "file-out-0000000000000001")
    gateway.store.delete(f"s3://b/out/{job_id}/output-00001.jsonl")
    with pytest.raises(ObjectMissing):
        b"".join(found.pieces)


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("a b.jsonl", 'attachment; filename="a b.jsonl"'),
        ("ü.jsonl", "attachment; filename=\"_.jsonl\"; filename*=UTF-8''%C3%BC.jsonl"),
        ('a"; x="\\', "attachment; filename=\"a_; x=__\"; filename*=UTF-8''a%22%3B%20x%3D%22%5C"),
    ],
)
def test_a_name_cannot_leave_its_quotes(filename: str, expected: str) -> None:
    headers = Content(iter(()), 0, filename).headers()
    assert headers["Content-Disposition"] == expected
