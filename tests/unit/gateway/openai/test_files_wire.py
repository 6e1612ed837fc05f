"""Pages of files."""

from __future__ import annotations

from llmbatch.gateway.openai.files_wire import FileList, FileObject


def files(count: int) -> list[FileObject]:
    return [FileObject(id=f"file-{n}", bytes=1, created_at=n, filename="a", purpose="batch") for n in range(count)]


def test_a_page_has_the_ids_of_its_ends_and_whether_more_follow() -> None:
    page = FileList.page(files(3), 2)
    assert ([file.id for file in page.data], page.first_id, page.last_id, page.has_more) == (
        ["file-0", "file-1"], "file-0", "file-1", True,
    )  # fmt: skip
    assert not FileList.page(files(2), 2).has_more


def test_an_empty_page_ends_the_list() -> None:
    assert FileList.page([], 2).model_dump() == {
        "object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False,
    }  # fmt: skip


def test_the_examples_are_valid() -> None:
    for example in FileList.model_config["json_schema_extra"]["examples"]:  # type: ignore[index,call-overload,union-attr]
        assert FileList.model_validate(example).model_dump() == example
