"""Audio in the body of a row."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from llmbatch.cluster.engines.vllm.transcription import audio_of, transcriptions
from llmbatch.core.errors import RowError

SOUND = b"RIFF\x00\xff"
URL = "data:audio/wav;base64," + base64.b64encode(SOUND).decode()


def test_the_audio_is_vllm_s_uploaded_file() -> None:
    seen: list[tuple[bytes, Any]] = []

    async def create(audio: bytes, request: Any) -> str:
        seen.append((audio, request))
        return "answer"

    read, answer = transcriptions(create)
    assert asyncio.run(_awaited(answer(read({"file_url": URL, "model": "m", "language": "en"})))) == "answer"
    [(audio, request)] = seen
    assert (audio, request.file.file.read(), request.language) == (SOUND, SOUND, "en")


async def _awaited(value: Any) -> Any:
    return await value


@pytest.mark.parametrize("url", [None, "https://example.com/a.wav", "data:audio/wav,abc", "data:audio/wav;base64,*"])
def test_anything_else_is_refused_by_name(url: Any) -> None:
    with pytest.raises(RowError, match="file_url"):
        audio_of({"file_url": url})
