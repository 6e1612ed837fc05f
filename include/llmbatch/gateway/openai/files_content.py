"""The bytes of a file, as a download."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import IO
from urllib.parse import quote

from llmbatch.core.errors import InputChanged, ObjectMissing
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.openai.files import content_uri, owned_file, unknown_file
from llmbatch.gateway.openai.files_outputs import is_output_id, readable_output

PIECE_BYTES = 2**18


@dataclass(frozen=True)
class Content:
    """What is sent: the bytes in pieces, their number, and the name under which clients keep them."""

    pieces: Iterator[bytes]
    size: int
    filename: str

    def headers(self) -> dict[str, str]:
        """Return the headers of the download."""
        plain = "".join(one if " " <= one <= "~" and one not in '"\\%' else "_" for one in self.filename)
        name = f'filename="{plain}"'
        if plain != self.filename:
            name += f"; filename*=UTF-8''{quote(self.filename, safe='')}"
        return {
            "Content-Disposition": f"attachment; {name}",
            "Content-Length": str(self.size),
            "X-Content-Type-Options": "nosniff",
        }


def open_content(store: ObjectStore, base: str, caller: Caller, file_id: str, now: datetime) -> Content:
    """Open a file for a download. Blocks.

    Raises:
        Failure: 404, see ``owned_file`` and ``readable_output``; also if its content is not there any more.
        StoreError: the store failed; later, while the pieces are read, it ends the download before its length.
    """
    if is_output_id(file_id):
        output = readable_output(store, base, caller, file_id, now)
        objects, filename = output.objects, output.shown.filename
    else:
        file = owned_file(store, base, caller.user, file_id, now)
        objects = (ObjectInfo(content_uri(base, caller.user, file_id), file.etag, file.bytes),)
        filename = file.filename
    try:
        first = store.open_stream(objects[0].uri, objects[0].etag)
    except (ObjectMissing, InputChanged):
        raise unknown_file(file_id) from None
    rest = (store.open_stream(info.uri, info.etag) for info in objects[1:])
    return Content(_pieces(chain([first], rest)), sum(info.size for info in objects), filename)


def _pieces(streams: Iterator[IO[bytes]]) -> Iterator[bytes]:
    for stream in streams:
        with stream:
            while data := stream.read(PIECE_BYTES):
                yield data
