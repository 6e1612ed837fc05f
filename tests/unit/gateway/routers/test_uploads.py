"""``/v1/uploads`` as the official SDK uses it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import openai
import openai.types
import openai.types.uploads
import pytest

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.openai_sdk import openai_of
from llmbatch.core.errors import StoreError
from llmbatch.gateway.openai.uploads import upload_uri
from llmbatch.gateway.openai.uploads_wire import CompleteRequest, UploadObject, UploadPart, UploadRequest

LINE = b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "small"}}\n'


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway(gateway={"max_upload_bytes": 4096})


def begun(gateway: FakeGateway, size: int = 2 * len(LINE), user: str = "ada") -> openai.types.Upload:
    return openai_of(gateway, user).uploads.create(
        bytes=size, filename="in.jsonl", mime_type="application/jsonl", purpose="batch"
    )


def test_the_sdk_uploads_a_file_in_parts(gateway: FakeGateway, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(LINE * 3)
    upload = openai_of(gateway).uploads.upload_file_chunked(
        file=path, mime_type="application/jsonl", purpose="batch", part_size=50, md5=hashlib.md5(LINE * 3).hexdigest()
    )
    assert (upload.status, upload.bytes) == ("completed", 3 * len(LINE))
    assert upload.file is not None
    assert (upload.file.bytes, upload.file.filename) == (3 * len(LINE), "in.jsonl")
    assert openai_of(gateway).files.content(upload.file.id).read() == LINE * 3
    assert [uri for uri in gateway.store.objects if "/part_" in uri] == []


def test_parts_are_joined_in_the_order_of_the_completion(gateway: FakeGateway) -> None:
    uploads, upload = openai_of(gateway).uploads, begun(gateway)
    assert (upload.status, upload.expires_at) == ("pending", upload.created_at + 3600)
    second, first = (uploads.parts.create(upload.id, data=data).id for data in (LINE[9:] + LINE, LINE[:9]))
    done = uploads.complete(upload.id, part_ids=[first, second])
    assert done.file is not None
    assert openai_of(gateway).files.content(done.file.id).read() == LINE * 2


def test_a_repeated_completion_finds_the_first_one_s_file(gateway: FakeGateway) -> None:
    uploads, upload = openai_of(gateway).uploads, begun(gateway)
    part = uploads.parts.create(upload.id, data=LINE * 2).id
    done = [uploads.complete(upload.id, part_ids=[part]) for _ in range(2)]
    assert done[0] == done[1]
    with pytest.raises(openai.BadRequestError, match="is completed"):
        uploads.cancel(upload.id)


def test_a_completion_that_broke_off_before_the_file_can_be_repeated(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads, upload = openai_of(gateway).uploads, begun(gateway)
    parts = [uploads.parts.create(upload.id, data=data).id for data in (LINE, LINE.replace(b"small", b"large"))]
    with monkeypatch.context() as broken:
        broken.setattr(gateway.store, "upload", lambda *_: (_ for _ in ()).throw(StoreError("down")))
        with pytest.raises(openai.InternalServerError):
            uploads.complete(upload.id, part_ids=parts)
    gateway.clock.advance(7200)
    done = uploads.complete(upload.id, part_ids=parts[::-1])
    assert done.file is not None
    assert openai_of(gateway).files.content(done.file.id).read() == LINE + LINE.replace(b"small", b"large")


@pytest.mark.parametrize(
    ("part_ids", "md5", "param"),
    [
        (lambda part: [part, part], None, "part_ids"),
        (lambda part: ["part_" + "0" * 24], None, "part_ids"),
        (lambda part: ["../" + part], None, "part_ids"),
        (lambda part: [part], "0" * 32, "md5"),
    ],
)
def test_parts_that_are_not_the_declared_file_make_none(
    gateway: FakeGateway, part_ids: Callable[[str], list[str]], md5: str | None, param: str
) -> None:
    uploads, upload = openai_of(gateway).uploads, begun(gateway)
    part = uploads.parts.create(upload.id, data=LINE * 2).id
    with pytest.raises(openai.BadRequestError) as found:
        uploads.complete(upload.id, part_ids=part_ids(part), md5=md5 or openai.omit)
    assert found.value.param == param
    assert openai_of(gateway).files.list().data == []
    assert uploads.complete(upload.id, part_ids=[part]).status == "completed"


def test_a_file_in_parts_is_checked_as_any_other(gateway: FakeGateway) -> None:
    uploads, upload = openai_of(gateway).uploads, begun(gateway, 3)
    part = uploads.parts.create(upload.id, data=b"a,b").id
    with pytest.raises(openai.BadRequestError, match=r"Must be \.jsonl"):
        uploads.complete(upload.id, part_ids=[part])
    create = openai_of(gateway).uploads.create
    with pytest.raises(openai.APIStatusError, match="File is too large") as found:
        create(bytes=4097, filename="a.jsonl", mime_type="text/plain", purpose="batch")
    assert (found.value.status_code, found.value.param) == (413, "bytes")
    with pytest.raises(openai.BadRequestError, match="Supported values are: 'batch'"):
        create(bytes=1, filename="a.jsonl", mime_type="text/plain", purpose="vision")


def test_parts_have_a_limit_each_and_together(gateway: FakeGateway) -> None:
    uploads, upload = openai_of(gateway).uploads, begun(gateway, 1100)
    with pytest.raises(openai.APIStatusError, match="File is too large") as found:
        uploads.parts.create(upload.id, data=b"x" * 4097)
    assert (found.value.status_code, found.value.param) == (413, "data")
    with pytest.raises(openai.BadRequestError, match="has 0 bytes"):
        uploads.parts.create(upload.id, data=b"")
    for _ in range(4):
        uploads.parts.create(upload.id, data=b"x" * 1100)
    with pytest.raises(openai.BadRequestError, match="5500 bytes"):
        uploads.parts.create(upload.id, data=b"x" * 1100)


def test_a_cancelled_upload_takes_nothing_more_and_keeps_no_part(gateway: FakeGateway) -> None:
    uploads, upload = openai_of(gateway).uploads, begun(gateway)
    part = uploads.parts.create(upload.id, data=LINE * 2).id
    assert [uploads.cancel(upload.id).status for _ in range(2)] == ["cancelled"] * 2
    assert [*gateway.store.objects] == [upload_uri(BASE, "ada", upload.id)]
    for refused in (
        lambda: uploads.parts.create(upload.id, data=LINE),
        lambda: uploads.complete(upload.id, part_ids=[part]),
    ):
        with pytest.raises(openai.BadRequestError, match="is cancelled"):
            refused()


def test_an_upload_expires_after_an_hour(gateway: FakeGateway) -> None:
    uploads, upload = openai_of(gateway).uploads, begun(gateway)
    part = uploads.parts.create(upload.id, data=LINE * 2).id
    gateway.clock.advance(3600)
    for refused in (
        lambda: uploads.parts.create(upload.id, data=LINE),
        lambda: uploads.complete(upload.id, part_ids=[part]),
        lambda: uploads.cancel(upload.id),
    ):
        with pytest.raises(openai.BadRequestError, match="is expired"):
            refused()


def test_a_completion_and_a_cancellation_at_the_same_time_have_one_winner(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads, upload = openai_of(gateway).uploads, begun(gateway)
    part = uploads.parts.create(upload.id, data=LINE * 2).id
    replace = gateway.store.replace

    def cancelled_before(uri: str, body: bytes, etag: str) -> object:
        monkeypatch.setattr(gateway.store, "replace", replace)
        replace(uri, body.replace(b"completed", b"cancelled"), etag)
        return replace(uri, body, etag)

    monkeypatch.setattr(gateway.store, "replace", cancelled_before)
    with pytest.raises(openai.BadRequestError, match="by another request"):
        uploads.complete(upload.id, part_ids=[part])
    assert openai_of(gateway).files.list().data == []


def test_44_our_models_have_all_fields_of_the_sdk_s() -> None:
    for ours, theirs in (
        (UploadObject, openai.types.Upload),
        (UploadPart, openai.types.uploads.UploadPart),
    ):
        assert theirs.model_fields.keys() <= ours.model_fields.keys()
    for model in (UploadObject, UploadPart, UploadRequest, CompleteRequest):
        for example in model.model_config["json_schema_extra"]["examples"]:  # type: ignore[index,call-overload,union-attr]
            assert model.model_validate(example).model_dump(exclude_unset=True) == example


def test_45_another_user_s_upload_is_unknown(gateway: FakeGateway) -> None:
    upload = begun(gateway)
    part = openai_of(gateway).uploads.parts.create(upload.id, data=LINE * 2).id
    bob = openai_of(gateway, "bob").uploads
    for upload_id in (upload.id, "upload_" + "0" * 24, "x"):
        for verb in (
            lambda one: bob.parts.create(one, data=LINE),
            lambda one: bob.complete(one, part_ids=[part]),
            bob.cancel,
        ):
            with pytest.raises(openai.NotFoundError, match=f"No such Upload object: {upload_id}"):
                verb(upload_id)
