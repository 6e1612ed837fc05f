"""The files of a user in order of time, page by page."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Literal

from llmbatch.core.read_ahead import in_order
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.openai.files import documents_uri, is_file_id, made_at_ms, owned_file
from llmbatch.gateway.openai.files_outputs import deleted_outputs, output_files, owned_batch_jobs
from llmbatch.gateway.openai.files_wire import FileList, FileObject
from llmbatch.gateway.wire.failures import Failure

_IN_FLIGHT = 64

Place = tuple[int, str]
"""Where a file is in the order: milliseconds since 1970, then its id."""


def list_files(
    store: ObjectStore,
    base: str,
    caller: Caller,
    now: datetime,
    *,
    limit: int,
    order: Literal["asc", "desc"] = "desc",
    after: str | None = None,
    purpose: str | None = None,
) -> FileList:
    """Return one page. Blocks.

    The ids of uploaded files hold their times, so of those only the documents of the page are read, several at a time.

    Args:
        store: where files and jobs are.
        base: ``store.base_uri`` of config.yaml.
        caller: the user.
        now: the time.
        limit: files of the page.
        order: of the times at which the files were made.
        after: id of the last file of the page before; after an unknown one there are no files. Empty: none.
        purpose: of the files; any purpose if None.

    Raises:
        StoreError: the store failed.
    """
    outputs = _outputs(store, base, caller.user, now) if purpose in (None, "batch_output") else {}
    places = {*_uploaded(store, base, caller.user)} if purpose in (None, "batch") else set()
    places |= {(file.created_at * 1000, file.id) for file in outputs.values()}
    begin = _place(after, outputs) if after else None
    if after and begin is None:
        return FileList.page([], limit)
    is_descending = order == "desc"
    wanted = sorted(
        (one for one in places if begin is None or (one < begin if is_descending else one > begin)),
        reverse=is_descending,
    )
    deleted = deleted_outputs(store, base, caller.user) if outputs else frozenset()

    def load(place: Place) -> FileObject | None:
        file_id = place[1]
        if file_id in outputs:
            return None if file_id in deleted else outputs[file_id]
        try:
            return FileObject.of(owned_file(store, base, caller.user, file_id, now))
        except Failure:
            return None  # expired, or removed since it was listed

    loaded = in_order(load, wanted, in_flight=min(limit + 1, _IN_FLIGHT), name="files")
    return FileList.page(list(islice((file for file in loaded if file is not None), limit + 1)), limit)


def _uploaded(store: ObjectStore, base: str, owner: str) -> list[Place]:
    begin = documents_uri(base, owner)
    ids = (f"file-{info.uri.removeprefix(begin).removesuffix('.json')}" for info in store.list(begin))
    return [(made_at_ms(file_id), file_id) for file_id in ids if is_file_id(file_id)]


def _outputs(store: ObjectStore, base: str, owner: str, now: datetime) -> dict[str, FileObject]:
    jobs = owned_batch_jobs(store, base, owner)
    found = in_order(
        lambda job_id: output_files(store, base, job_id, now), jobs, in_flight=_IN_FLIGHT, name="output-files"
    )
    return {file.shown.id: file.shown for files in found for file in files if file.owner == owner}


def _place(file_id: str, outputs: dict[str, FileObject]) -> Place | None:
    """Return where a file is or was: that of an uploaded file is known from its id, even after it was deleted."""
    if is_file_id(file_id):
        return made_at_ms(file_id), file_id
    file = outputs.get(file_id)
    return None if file is None else (file.created_at * 1000, file_id)
