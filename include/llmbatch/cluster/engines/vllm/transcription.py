"""Audio in the body of a row, as vLLM's transcription takes it: as an uploaded file."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Awaitable, Callable
from typing import Any

from llmbatch.cluster.engines.base import Body
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

_FIELD = "file_url"
"""Where the audio is, as a ``data:`` URL: the name that ``vllm run-batch`` gives it."""


def transcriptions(
    create: Callable[[bytes, Any], Awaitable[Any]],
) -> tuple[Callable[[Body], Any], Callable[[Any], Awaitable[Any]]]:
    """Return what reads a body, and what answers the request, around vLLM's ``create_transcription``."""
    from starlette.datastructures import UploadFile
    from vllm.entrypoints.speech_to_text.transcription.protocol import TranscriptionRequest

    def read(body: Body) -> tuple[bytes, Any]:
        audio = audio_of(body)
        fields: dict[str, Any] = {key: value for key, value in body.items() if key != _FIELD}
        fields["file"] = UploadFile(file=io.BytesIO(audio), filename="audio.bin")
        return audio, TranscriptionRequest.model_validate(fields)

    async def answer(request: tuple[bytes, Any]) -> Any:
        return await create(*request)

    return read, answer


def audio_of(body: Body) -> bytes:
    """Return the audio of a body. Raises ``RowError`` (INVALID)."""
    url = body.get(_FIELD)
    if not isinstance(url, str) or not url.startswith("data:") or ";base64," not in url[:200]:
        raise RowError(ErrorClass.INVALID, f"{_FIELD} is not a data: URL in base64")
    try:
        return base64.b64decode(url.partition(";base64,")[2], validate=True)
    except binascii.Error as error:
        raise RowError(ErrorClass.INVALID, f"{_FIELD}: {error}") from None
