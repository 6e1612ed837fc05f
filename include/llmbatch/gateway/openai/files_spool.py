"""An upload on local disk, counted and hashed while it arrives."""

from __future__ import annotations

import hashlib
import tempfile
from types import TracebackType
from typing import Self

from llmbatch.gateway.wire.failures import Failure


class Spool:
    """A temporary file that is removed when its block ends. Its methods block; sizes are in bytes."""

    def __init__(self) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix="llmbatch-upload-")  # noqa: SIM115 - closed by __exit__
        self._sha256 = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    @property
    def path(self) -> str:
        """Where the bytes are."""
        return self._file.name

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of all that was written."""
        return self._sha256.hexdigest()

    def write(self, data: bytes | bytearray) -> None:
        """Append bytes; they are in the file when this returns.

        Raises:
            Failure: 503, the disk has no room.
        """
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise Failure(
                503,
                f"The server cannot store this upload now ({error.strerror}). Try again later.",
                type="server_error",
                code="upload_disk",
                headers={"Retry-After": "60"},
            ) from error
        self._sha256.update(data)
        self.size += len(data)

    def head(self, most: int) -> bytes:
        """Return the first bytes, at most ``most``."""
        with open(self.path, "rb") as file:  # noqa: PTH123 - a name in, bytes out
            return file.read(most)
