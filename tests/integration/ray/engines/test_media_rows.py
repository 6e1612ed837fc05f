"""A job whose rows have images, on a real engine: it sees the pixels, wherever they came from."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from fakes.cluster_jobs import Job, outcomes
from fakes.media_rows import data_url, image, painted
from fakes.ray_servers import BUCKET
from tiny_models import IMAGE_TOKENS, tiny_vision

pytestmark = [pytest.mark.integration, pytest.mark.nightly, pytest.mark.timeout(600)]

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
RED, BLUE = painted((255, 0, 0)), painted((0, 0, 255))


def chat(*parts: dict[str, Any], **more: Any) -> tuple[str, dict[str, Any]]:
    content = [{"type": "text", "text": "what is it?"}, *parts]
    return CHAT, {"messages": [{"role": "user", "content": content}], "max_tokens": 8, "temperature": 0, **more}


def response(url: str) -> tuple[str, dict[str, Any]]:
    content = [{"type": "input_text", "text": "what is it?"}, {"type": "input_image", "image_url": url}]
    return RESPONSES, {"input": [{"role": "user", "content": content}], "max_output_tokens": 8, "temperature": 0}


def test_images(job: Job) -> None:
    stored_red = f"s3://{BUCKET}/in/red.png"
    outside_red = f"s3://{BUCKET}/inside/red.png"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        local = f"http://127.0.0.1:{server.getsockname()[1]}/x.png"
        found = outcomes(
            job,
            tiny_vision(),
            [
                chat(),
                chat(image(data_url(RED))),
                chat(image(stored_red)),
                chat(image(data_url(BLUE))),
                chat(image(data_url(RED)) | {"uuid": "one"}),
                chat(image(data_url(BLUE)) | {"uuid": "one"}),
                chat(image(data_url(RED)), image(data_url(BLUE))),
                response(stored_red),
                chat(image(outside_red)),
                chat(image(local)),
                chat(image("file:///etc/hostname")),
            ],
            objects={stored_red: RED, outside_red: RED},
            media_prefixes=[f"s3://{BUCKET}/in"],
            options={"limit_mm_per_prompt": {"image": 2}},
        )
        with pytest.raises(TimeoutError):
            server.accept()
    answers = [ChatCompletion.model_validate(body) for body, *_ in found[:7]]
    _, red, stored, blue, named, other, _ = (answer.choices[0].message.content for answer in answers)
    assert red == stored == named != blue == other
    tokens = [prompt for _, prompt, _ in found[:7]]
    assert tokens[1] - tokens[0] > IMAGE_TOKENS
    assert tokens[6] - tokens[1] >= tokens[1] - tokens[0] - 1
    assert Response.model_validate(found[7][0]).output_text == red
    outside, unnamed, file = found[8:]
    assert outside.startswith(f"invalid: messages[0].content[1].image_url.url: {outside_red} is outside of")
    assert "is not in media_domains of config.yaml" in unnamed
    assert "is not an address that rows may name" in file
