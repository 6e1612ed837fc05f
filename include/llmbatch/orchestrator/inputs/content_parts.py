"""Parts of a message: texts, and media by address or as base64."""

from __future__ import annotations

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.canonical import without_nulls
from llmbatch.orchestrator.inputs.media import MediaRules, Weight
from llmbatch.orchestrator.inputs.problem import kind_of

_TEXTS = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "refusal": "refusal",
    "thinking": "thinking",
    "tool_reference": "name",
}
"""The key of the text in each kind of part that is one."""
_ADDRESSES = {
    "image_url": "image_url",
    "input_image": "image_url",
    "audio_url": "audio_url",
    "video_url": "video_url",
}
"""The key of the address in each kind of part that has one: a text, or an object with ``url``."""
_URLS = frozenset({*_ADDRESSES.values(), "file_url"})
_BASE64 = frozenset({"data", "file_data"})
_KINDS = (*_TEXTS, *_ADDRESSES, "input_audio")


def checked_parts(content: list[object], where: str, media: MediaRules) -> tuple[list[object], Weight]:
    """Return the parts of a message, and what they weigh.

    Raises:
        RowError: a part of a kind that no row may have, or without its text, or an address that is not allowed.
    """
    parts, weight = [], Weight()
    for index, part in enumerate(content):
        made, own = _checked(part, f"{where}[{index}]", media)
        parts.append(made)
        weight = weight.plus(own)
    return parts, weight


def weight_of(value: object, where: str, media: MediaRules) -> Weight:
    """Return what any structure of texts and media weighs: items of a response's input, documents of a score.

    Raises:
        RowError: an address is not allowed.
    """
    if isinstance(value, str):
        return Weight(len(value))
    weight = Weight()
    if isinstance(value, list):
        for index, item in enumerate(value):
            weight = weight.plus(weight_of(item, f"{where}[{index}]", media))
    elif isinstance(value, dict):
        for key, item in value.items():
            weight = weight.plus(_weight_of_key(key, item, f"{where}.{key:.80}", media))
    return weight


def _weight_of_key(key: str, item: object, where: str, media: MediaRules) -> Weight:
    if item is None:
        return Weight()
    if key in _URLS:
        return media.weight_of_address(item.get("url") if isinstance(item, dict) else item, where)
    if key in _BASE64 and isinstance(item, str):
        return Weight(media_bytes=len(item))
    return weight_of(item, where, media)


def _checked(part: object, where: str, media: MediaRules) -> tuple[object, Weight]:
    if not isinstance(part, dict):
        raise _invalid(f"`{where}` is {kind_of(part)}, not an object", 'Write {"type": "text", "text": "..."}')
    given = {str(key): without_nulls(item) for key, item in part.items() if item is not None}
    kind = given.get("type", next((name for name in _ADDRESSES if name in given), None))
    kind = kind if isinstance(kind, str) else ""
    if kind in _TEXTS:
        text = given.get(_TEXTS[kind])
        if not isinstance(text, str):
            raise _invalid(f"`{where}.{_TEXTS[kind]}` is {kind_of(text)}, not a text", "Write it as text")
        return given, Weight(len(text))
    if kind in _ADDRESSES:
        key = _ADDRESSES[kind]
        return given, _weight_of_key(key, given.get(key, ""), f"{where}.{key}", media)
    if kind == "input_audio":
        audio = given.get("input_audio")
        if not isinstance(audio, dict) or not isinstance(audio.get("data"), str):
            raise _invalid(f"`{where}.input_audio.data` is missing", "Write the audio as base64")
        return given, Weight(media_bytes=len(audio["data"]))
    raise _invalid(f"`{where}.type` is no kind of part that a row may have", f"Use one of {', '.join(_KINDS)}")


def _invalid(problem: str, fix: str) -> RowError:
    return RowError(ErrorClass.INVALID, f"{problem}. {fix}")
