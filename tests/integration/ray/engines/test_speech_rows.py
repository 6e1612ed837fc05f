"""A job whose rows have sound, which a real engine transcribes."""

from __future__ import annotations

import base64
import io
import math
import struct
import wave

import pytest
from openai.types.audio import Transcription

from fakes.cluster_jobs import Job, outcomes
from fakes.media_rows import data_url
from fakes.ray_servers import BUCKET
from tiny_speech import tiny_speech

pytestmark = [pytest.mark.integration, pytest.mark.nightly, pytest.mark.timeout(600)]

RATE = 16_000
PATH = "/v1/audio/transcriptions"


def tone(hertz: float, seconds: float = 1.0) -> bytes:
    """Return a WAV file."""
    samples = (round(20_000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(round(RATE * seconds)))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


def test_sound(job: Job) -> None:
    low = tone(200)
    asked = {"language": "en", "temperature": 0, "max_completion_tokens": 8}
    sent, stored, broken, chat = outcomes(
        job,
        tiny_speech(),
        [
            (PATH, {"file_url": data_url(low, "audio/wav"), **asked}),
            (PATH, {"file_url": f"s3://{BUCKET}/in/low.wav", **asked}),
            (PATH, {"file_url": "data:audio/wav;base64," + base64.b64encode(b"no sound").decode(), **asked}),
            ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 8}),
        ],
        objects={f"s3://{BUCKET}/in/low.wav": low},
        media_prefixes=[f"s3://{BUCKET}/in"],
    )
    assert isinstance(sent, list), sent
    text = Transcription.model_validate(sent[0]).text
    assert text == Transcription.model_validate(stored[0]).text != ""
    assert broken.startswith("invalid: ")
    assert "/v1/chat/completions" in chat
