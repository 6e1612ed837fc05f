"""``/v1/files`` as the official SDK uses it: what OpenAI's API does, one statement in each test."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import openai
import openai.types
import pytest
from pydantic import BaseModel
from starlette.types import Message

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.openai_sdk import delivered_batch, openai_of
from llmbatch.core.gateway_layout import files_uri
from llmbatch.gateway.openai.files_wire import FileDeleted, FileObject

LINE = b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "small"}}\n'
UNKNOWN = "file-" + "0" * 24


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway(gateway={"max_upload_bytes": 4096})


@pytest.fixture(autouse=True)
def spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let uploads wait in a folder of their own, which must be empty at the end."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def upload(gateway: FakeGateway, user: str = "ada", content: bytes = LINE, name: str = "in.jsonl") -> str:
    gateway.clock.advance(1)
    return openai_of(gateway, user).files.create(file=(name, content), purpose="batch").id


def ids(page: object) -> list[str]:
    return [file.id for file in page.data]  # type: ignore[attr-defined]


def test_01_a_path_a_tuple_bytes_and_a_buffer_are_uploaded_with_size_and_name(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(LINE)
    create = openai_of(gateway).files.create
    found = [create(file=file, purpose="batch") for file in (path, ("ü.jsonl", LINE * 2), LINE, io.BytesIO(LINE))]
    assert [(file.bytes, file.filename) for file in found] == [
        (len(LINE), "p.jsonl"), (2 * len(LINE), "ü.jsonl"), (len(LINE), "upload"), (len(LINE), "upload"),
    ]  # fmt: skip
    assert {(file.object, file.purpose, file.status) for file in found} == {("file", "batch", "processed")}


def test_02_the_bracketed_fields_of_expires_after_set_expires_at(gateway: FakeGateway) -> None:
    create = openai_of(gateway).files.create
    file = create(file=LINE, purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600})
    assert file.expires_at == file.created_at + 3600
    without = create(file=LINE, purpose="batch")
    assert without.expires_at == without.created_at + 30 * 86_400


def test_03_the_purpose_may_come_before_or_after_the_file(gateway: FakeGateway) -> None:
    parts = ['name="purpose"\r\n\r\nbatch', f'name="file"; filename="a.jsonl"\r\n\r\n{LINE.decode()}']
    for order in (parts, parts[::-1]):
        body = "".join(f"--x\r\nContent-Disposition: form-data; {part}\r\n" for part in order) + "--x--\r\n"
        headers = gateway.as_user("ada") | {"Content-Type": "multipart/form-data; boundary=x"}
        answer = gateway.client.post("/v1/files", content=body, headers=headers)
        assert (answer.status_code, answer.json()["bytes"]) == (200, len(LINE))


def test_04_the_content_is_the_uploaded_bytes(gateway: FakeGateway) -> None:
    content = LINE + b'\xef\xbb\xbf\r\n\x00\xff not JSON --x\r\n--y "\xe2\x80\xa8"'
    answer = openai_of(gateway).files.content(upload(gateway, content=content, name="a ü.jsonl"))
    assert answer.read() == content
    assert answer.response.headers["content-type"] == "application/octet-stream"
    named = "attachment; filename=\"a _.jsonl\"; filename*=UTF-8''a%20%C3%BC.jsonl"
    assert answer.response.headers["content-disposition"] == named


def test_05_an_unknown_and_a_deleted_file_are_404_for_all_three_verbs(gateway: FakeGateway) -> None:
    files = openai_of(gateway).files
    deleted = upload(gateway)
    files.delete(deleted)
    for file_id in (UNKNOWN, deleted, "file-out-0123456789abcdef", "nothing"):
        for verb in (files.retrieve, files.content, files.delete):
            with pytest.raises(openai.NotFoundError, match=f"No such File object: {file_id}") as found:
                verb(file_id)
            assert (found.value.param, found.value.code, found.value.type) == ("id", None, "invalid_request_error")
    assert gateway.store.objects == {}


def test_06_a_deletion_answers_id_object_and_deleted(gateway: FakeGateway) -> None:
    file_id = upload(gateway)
    assert openai_of(gateway).files.delete(file_id).to_dict() == {"id": file_id, "object": "file", "deleted": True}


def test_07_the_list_filters_by_purpose_and_honours_order_limit_and_after(gateway: FakeGateway) -> None:
    files = openai_of(gateway).files
    uploaded = [upload(gateway) for _ in range(3)]
    delivered_batch(gateway, output=LINE, errors=LINE)
    outputs = ["file-err-0000000000000001", "file-out-0000000000000001"]
    assert ids(files.list(order="asc")) == [*outputs, *uploaded]
    assert ids(files.list()) == [*outputs, *uploaded][::-1]
    assert ids(files.list(purpose="batch")) == uploaded[::-1]
    assert ids(files.list(purpose="batch_output")) == outputs[::-1]
    assert ids(files.list(purpose="vision")) == []
    page = files.list(limit=2, order="asc", after=outputs[0])
    assert (ids(page), page.has_more) == ([outputs[1], uploaded[0]], True)
    assert (page.first_id, page.last_id) == (outputs[1], uploaded[0])  # type: ignore[attr-defined]
    last = files.list(limit=2, order="asc", after=uploaded[1])
    assert (ids(last), last.has_more) == ([uploaded[2]], False)


def test_08_paging_yields_each_file_once_and_ends(gateway: FakeGateway) -> None:
    uploaded = [upload(gateway) for _ in range(5)]
    delivered_batch(gateway, output=LINE)
    files = openai_of(gateway).files
    assert [file.id for file in files.list(limit=2)] == [*uploaded[::-1], "file-out-0000000000000001"]
    assert [file.id for file in files.list(limit=3, order="asc")] == ["file-out-0000000000000001", *uploaded]


def test_09_an_upload_over_the_limit_is_refused_and_leaves_nothing(gateway: FakeGateway) -> None:
    files = openai_of(gateway).files
    exact = LINE + b" " * (4096 - len(LINE))
    assert files.create(file=exact, purpose="batch").bytes == 4096
    before = dict(gateway.store.objects)
    for size in (4097, 4096 + 2**20, 3 * 2**20):
        with pytest.raises(openai.APIStatusError, match="File is too large") as found:
            files.create(file=exact.ljust(size), purpose="batch")
        assert found.value.status_code == 413
    assert gateway.store.objects == before


def test_10_the_files_of_a_batch_have_the_purpose_batch_output(gateway: FakeGateway) -> None:
    delivered_batch(gateway, output_00000=LINE, output_00001=LINE * 2, errors=LINE)
    files = openai_of(gateway).files
    output, error = (files.retrieve(f"file-{kind}-0000000000000001") for kind in ("out", "err"))
    assert (output.purpose, output.bytes, output.filename) == (
        "batch_output", 3 * len(LINE), "batch_output_batch_0000000000000001.jsonl",
    )  # fmt: skip
    assert (error.purpose, error.bytes, error.filename) == (
        "batch_output", len(LINE), "batch_error_batch_0000000000000001.jsonl",
    )  # fmt: skip
    assert files.content(output.id).read() == LINE * 3
    files.delete(output.id)
    with pytest.raises(openai.NotFoundError):
        files.content(output.id)
    assert ids(files.list()) == [error.id]


def test_38_every_refusal_has_openai_s_shape(gateway: FakeGateway) -> None:
    client, user = gateway.client, gateway.as_user("ada")
    refusals = [
        client.get("/v1/files"),
        client.get("/v1/files/x", headers=user),
        client.post("/v1/files", headers=user, content=b"x"),
        client.post("/v1/files", headers=user, files={"file": ("a.jsonl", b"")}, data={"purpose": "batch"}),
    ]
    assert [answer.status_code for answer in refusals] == [401, 404, 400, 400]
    for answer in refusals:
        assert answer.json()["error"].keys() == {"message", "type", "param", "code"}


def test_39_no_byte_of_a_body_is_read_before_the_caller_is_known(gateway: FakeGateway) -> None:
    received, sent = [], []

    async def receive() -> Message:
        received.append(1)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    for path in ("/v1/files", "/v1/uploads/upload_1/parts"):
        headers = [(b"content-type", b"multipart/form-data; boundary=x")]
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        asyncio.run(gateway.client.app(scope, receive, send))  # type: ignore[arg-type]
    assert [message["status"] for message in sent if "status" in message] == [401, 401]
    assert received == []


def test_40_an_unknown_cursor_does_not_begin_at_the_first_page(gateway: FakeGateway) -> None:
    uploaded = [upload(gateway) for _ in range(3)]
    files = openai_of(gateway).files
    files.delete(uploaded[1])
    assert ids(files.list(after=uploaded[1])) == [uploaded[0]]
    for unknown in ("file-x", "file-out-0123456789abcdef"):
        page = files.list(after=unknown)
        assert (ids(page), page.has_more) == ([], False)


def test_44_our_models_have_all_fields_of_the_sdk_s() -> None:
    pairs: list[tuple[type[BaseModel], type[openai.BaseModel]]] = [
        (FileObject, openai.types.FileObject),
        (FileDeleted, openai.types.FileDeleted),
    ]
    for ours, theirs in pairs:
        assert theirs.model_fields.keys() <= ours.model_fields.keys()
        for example in ours.model_config["json_schema_extra"]["examples"]:  # type: ignore[index,call-overload,union-attr]
            assert ours.model_validate(example).model_dump() == example
            theirs.model_validate(example, strict=True)


def test_45_another_user_s_files_are_unknown(gateway: FakeGateway) -> None:
    file_id = upload(gateway)
    delivered_batch(gateway, output=LINE)
    bob = openai_of(gateway, "bob").files
    for one in (file_id, "file-out-0000000000000001"):
        for verb in (bob.retrieve, bob.content, bob.delete):
            with pytest.raises(openai.NotFoundError, match=f"No such File object: {one}"):
                verb(one)
    assert ids(bob.list()) == []
    assert len(ids(openai_of(gateway).files.list())) == 2


def test_an_administrator_reads_the_answers_of_all_users_and_not_their_uploads() -> None:
    gateway = fake_gateway(admins=("root",))
    file_id = upload(gateway)
    delivered_batch(gateway, output=LINE)
    files = openai_of(gateway, "root").files
    assert files.content("file-out-0000000000000001").read() == LINE
    with pytest.raises(openai.NotFoundError):
        files.retrieve(file_id)


@pytest.mark.parametrize("purpose", ["fine-tune", "assistants", "user_data", "x"])
def test_another_purpose_is_refused(gateway: FakeGateway, purpose: str) -> None:
    with pytest.raises(openai.BadRequestError, match="Supported values are: 'batch'") as found:
        openai_of(gateway).files.create(file=LINE, purpose=purpose)  # type: ignore[arg-type]
    assert (found.value.param, found.value.code) == ("purpose", "invalid_value")
    assert gateway.store.objects == {}


def test_an_upload_may_be_larger_than_other_bodies() -> None:
    gateway = fake_gateway(gateway={"max_body_bytes": 2048})
    content = LINE * 40
    assert openai_of(gateway).files.create(file=content, purpose="batch").bytes == len(content)
    uploads = openai_of(gateway).uploads
    upload = uploads.create(bytes=len(content), filename="a.jsonl", mime_type="text/plain", purpose="batch")
    assert uploads.parts.create(upload.id, data=content).upload_id == upload.id


def test_a_file_expires(gateway: FakeGateway) -> None:
    file_id = upload(gateway)
    gateway.clock.advance(30 * 86_400)
    files = openai_of(gateway).files
    assert ids(files.list()) == []
    with pytest.raises(openai.NotFoundError):
        files.content(file_id)


def test_too_many_uploads_at_a_time_are_refused_with_a_time_to_wait(gateway: FakeGateway) -> None:
    upload(gateway)
    slots = gateway.client.app.state.upload_slots  # type: ignore[attr-defined]
    for user, status in (("ada", 429), ("bob", 503)):
        with ExitStack() as held:
            for name in ("ada", "cy") * 4:
                held.enter_context(slots.held(name))
            answer = gateway.client.post("/v1/files", headers=gateway.as_user(user), content=b"x")
        assert (answer.status_code, answer.headers["retry-after"]) == (status, "5")
    assert upload(gateway, "bob")


def test_objects_of_a_user_are_in_the_user_s_folder_only(gateway: FakeGateway) -> None:
    upload(gateway)
    assert all(uri.startswith(files_uri(BASE, "ada")) for uri in gateway.store.objects)
    assert len(gateway.store.objects) == 2
