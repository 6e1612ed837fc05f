"""Media are found in every place where an engine looks for them, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.media_rows import chat, image
from llmbatch.cluster.media.media import media_of, with_values
from llmbatch.core.errors import RowError

URL = "s3://b/x.png"
BODIES: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "chat": (chat(image(URL)), [("messages[1].content[1].image_url.url", "image")]),
    "a film": (
        chat({"type": "video_url", "video_url": {"url": URL}}),
        [("messages[1].content[1].video_url.url", "video")],
    ),
    "a clip": (
        chat({"type": "audio_url", "audio_url": {"url": URL}}),
        [("messages[1].content[1].audio_url.url", "audio")],
    ),
    "sound": (
        chat({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
        [("messages[1].content[1].input_audio.data", "audio")],
    ),
    "no type": (chat({"image_url": URL}), [("messages[1].content[1].image_url", "image")]),
    "another type": (
        chat({"type": "text", "text": "x", "uuid": "u", "image_url": URL}),
        [("messages[1].content[1].image_url", "image")],
    ),
    "responses": (
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": URL}]}]},
        [("input[0].content[0].image_url", "image")],
    ),
    "what a function returned": (
        {"input": [{"type": "function_call_output", "output": [{"type": "input_image", "image_url": URL}]}]},
        [("input[0].output[0].image_url", "image")],
    ),
    "a screenshot": (
        {"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": URL}}]},
        [("input[0].output.image_url", "image")],
    ),
    "rerank": (
        {"query": {"content": [image(URL)]}, "documents": ["a text", {"content": [image(URL)]}]},
        [("query.content[0].image_url.url", "image"), ("documents[1].content[0].image_url.url", "image")],
    ),
    "score": (
        {"data_1": {"content": [image(URL)]}, "data_2": [{"content": [image(URL)]}]},
        [("data_1.content[0].image_url.url", "image"), ("data_2[0].content[0].image_url.url", "image")],
    ),
    "transcription": ({"file_url": URL}, [("file_url", "audio")]),
    "texts": ({"input": ["image_url", [1, 2]], "messages": [{"content": "image_url"}], "query": URL}, []),
    "a tool's own parameter": ({"tools": [{"function": {"parameters": {"properties": {"image_url": {}}}}}]}, []),
    "what no engine takes": (chat({"image_url": None}, {"image_url": {"url": 3}}, {"image_url": []}, {"type": 1}), []),
}


@pytest.mark.parametrize("name", BODIES)
def test_media_are_found(name: str) -> None:
    body, expected = BODIES[name]
    assert [(media.where, media.kind) for media in media_of(body)[0]] == expected


def test_a_uuid_needs_its_media_beside_it() -> None:
    body = chat({"type": "image_url", "image_url": None, "uuid": "earlier"})
    with pytest.raises(RowError, match=r"messages\[1\]\.content\[1\]\.uuid: .* Put the media into image_url"):
        media_of(body)


def test_a_uuid_is_found_beside_embeddings_too() -> None:
    _, labels = media_of(chat({"type": "image_embeds", "image_embeds": "AAAA", "uuid": "u"}))
    assert labels == [("messages", 1, "content", 1, "uuid")]


def test_other_values_leave_the_given_body_as_it_was() -> None:
    body = chat(image("a"), image("b"))
    first, second = media_of(body)[0]
    changed: Any = with_values(body, {first.path: first.value("A"), second.path: second.value("B")})
    assert changed == chat(image("A"), image("B"))
    assert body == chat(image("a"), image("b"))
    assert changed["messages"][0] is body["messages"][0]


def test_a_bare_address_becomes_an_object_that_every_engine_takes() -> None:
    (media,), _ = media_of(chat({"type": "image_url", "image_url": URL}))
    assert media.value("data:") == {"url": "data:"}
