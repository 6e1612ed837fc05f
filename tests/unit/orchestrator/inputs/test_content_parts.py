"""Parts of a message."""

from __future__ import annotations

import pytest

from llmbatch.core.errors import RowError
from llmbatch.core.serving import Serving
from llmbatch.orchestrator.inputs.content_parts import checked_parts, weight_of
from llmbatch.orchestrator.inputs.media import MediaRules, Weight

MEDIA = MediaRules(Serving(), 1000)
DATA = "data:,x"


@pytest.mark.parametrize(
    ("part", "weight"),
    [
        ({"type": "text", "text": "four"}, Weight(4)),
        ({"type": "refusal", "refusal": "no"}, Weight(2)),
        ({"type": "thinking", "thinking": "so"}, Weight(2)),
        ({"type": "image_url", "image_url": {"url": DATA}}, Weight(0, 7)),
        ({"type": "image_url", "image_url": DATA}, Weight(0, 7)),
        ({"image_url": DATA}, Weight(0, 7)),
        ({"type": "input_image", "image_url": DATA}, Weight(0, 7)),
        ({"type": "audio_url", "audio_url": {"url": DATA}}, Weight(0, 7)),
        ({"type": "video_url", "video_url": {"url": DATA}}, Weight(0, 7)),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, Weight(0, 4)),
    ],
)
def test_parts_are_kept_and_weighed(part: dict[str, object], weight: Weight) -> None:
    assert checked_parts([part, {**part, "uuid": None}], "c", MEDIA) == ([part, part], weight.plus(weight))


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (3, "`c[0]` is a number, not an object"),
        ({"type": "text"}, "`c[0].text` is null, not a text"),
        ({"type": "image_url"}, "`c[0].image_url` has no address"),
        ({"type": "image_url", "image_url": {"url": "https://h/a"}}, "`c[0].image_url` is of the host 'h'"),
        ({"type": "input_audio", "input_audio": {}}, "`c[0].input_audio.data` is missing"),
        ({"type": "image_embeds", "image_embeds": "AAAA"}, "`c[0].type` is no kind of part that a row may have"),
        ({"type": ["text"]}, "`c[0].type` is no kind of part"),
        ({}, "`c[0].type` is no kind of part"),
    ],
)
def test_other_parts_fail_the_row(part: object, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        checked_parts([part], "c", MEDIA)
    assert reason in caught.value.message


def test_any_structure_is_weighed() -> None:
    items = [{"role": "user", "content": [{"text": "ab"}, {"image_url": {"url": DATA}}]}, {"file_data": "AAAA", "n": 3}]
    assert weight_of(items, "input", MEDIA) == Weight(len("user") + 2, 7 + 4)
    with pytest.raises(RowError, match=r"`input\[0\]\.image_url` is of the host"):
        weight_of([{"image_url": "http://h/a"}], "input", MEDIA)
