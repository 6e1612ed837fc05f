"""Chat messages of a row: checked, and in one shape.

OpenAI's ``role`` and ``content`` or ShareGPT's ``from`` and ``value``.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.canonical import without_nulls
from llmbatch.orchestrator.inputs.content_parts import checked_parts
from llmbatch.orchestrator.inputs.media import MediaRules, Weight
from llmbatch.orchestrator.inputs.problem import kind_of

Message = dict[str, object]

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
_SHAREGPT_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
_WITHOUT_CONTENT = ("tool_calls", "reasoning", "reasoning_content", "refusal")
"""What an assistant may have said in place of a content."""


class Talk(NamedTuple):
    """Checked messages and what they weigh."""

    messages: list[Message]
    weight: Weight


def checked_messages(value: object, media: MediaRules, name: str = "messages") -> Talk:
    """Return the messages; ``developer`` becomes ``system``.

    Keys without a value are dropped (a Parquet struct has every key in every row), but for the content of an assistant
    that called tools. Any other key of a message is kept.

    Args:
        value: the row's messages.
        media: which images and audio they may name.
        name: the column, for errors.

    Raises:
        RowError: not a list, empty, a role missing or unknown, content that is null or of no known form, a user message
            without text or media, or nothing to be read at all.
    """
    if not isinstance(value, list):
        raise _invalid(f"`{name}` is {kind_of(value)}, not a list", 'Write [{"role": "user", "content": "..."}]')
    if not value:
        raise _invalid(f"`{name}` is empty", 'Write at least {"role": "user", "content": "..."}')
    messages, weight = [], Weight()
    for index, message in enumerate(value):
        made, own = _checked(message, f"{name}[{index}]", media)
        messages.append(made)
        weight = weight.plus(own)
    if all(_is_blank(message.get("content")) for message in messages):
        raise _invalid("no message has any text", "Write the prompt into the last user message")
    return Talk(messages, weight)


def with_system(talk: Talk, system_prompt: str) -> Talk:
    """Put the job's system prompt first, unless the row has a system message of its own."""
    if any(message["role"] == "system" for message in talk.messages):
        return talk
    first: Message = {"role": "system", "content": system_prompt}
    return Talk([first, *talk.messages], talk.weight.plus(Weight(len(system_prompt))))


def _checked(message: object, where: str, media: MediaRules) -> tuple[Message, Weight]:
    if not isinstance(message, dict):
        raise _invalid(f"`{where}` is {kind_of(message)}, not an object", "Give it a role and a content")
    if message.get("role") is None and message.get("from") is not None:
        message = _of_sharegpt(message, where)
    role = message.get("role")
    if role is None:
        raise _invalid(f"`{where}.role` is missing", "Use system, user or assistant")
    if not isinstance(role, str) or role not in _ROLES:
        raise _invalid(f"`{where}.role` is unknown", f"Use one of {', '.join(sorted(_ROLES))}")
    kept = {key: without_nulls(item) for key, item in message.items() if item is not None}
    calls = _checked_calls(kept, where)
    content, weight = _content(message.get("content"), kept if role == "assistant" else {}, where, media)
    if role == "user" and _is_blank(content):
        raise _invalid(f"`{where}.content` is blank", "Write the prompt into it or leave the message out")
    made = {**kept, "role": "system" if role == "developer" else role, "content": content}
    return made, weight.plus(calls)


def _of_sharegpt(message: Message, where: str) -> Message:
    sender = message["from"]
    role = _SHAREGPT_ROLES.get(sender) if isinstance(sender, str) else None
    if role is None:
        raise _invalid(f"`{where}.from` is unknown", f"Use one of {', '.join(_SHAREGPT_ROLES)}")
    kept = {key: item for key, item in message.items() if key not in ("from", "value")}
    return {**kept, "role": role, "content": message.get("value")}


def _content(content: object, kept: Message, where: str, media: MediaRules) -> tuple[object, Weight]:
    """Return a message's content; ``kept`` are the keys in place of which an assistant may have none."""
    if isinstance(content, str):
        return content, Weight(len(content))
    if isinstance(content, list):
        return checked_parts(content, f"{where}.content", media)
    if content is None and any(kept.get(key) for key in _WITHOUT_CONTENT):
        return None, Weight(sum(len(text) for text in map(kept.get, _WITHOUT_CONTENT) if isinstance(text, str)))
    if content is None:
        raise _invalid(
            f"`{where}.content` is null or missing", "Give every message a text; an empty one may be left out"
        )
    raise _invalid(f"`{where}.content` is {kind_of(content)}, not a text", "Write it as text")


def _checked_calls(kept: Message, where: str) -> Weight:
    """Check the tools that a message called: vLLM reads their arguments as JSON."""
    calls = kept.get("tool_calls", [])
    if not isinstance(calls, list):
        raise _invalid(f"`{where}.tool_calls` is {kind_of(calls)}, not a list", "Write the calls into a list")
    chars = 0
    for index, call in enumerate(calls):
        place = f"{where}.tool_calls[{index}].function"
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise _invalid(f"`{place}.name` is missing", "Write the name of the function that was called")
        arguments = function.get("arguments", "")
        if not isinstance(arguments, str) or (arguments and not _is_object(arguments)):
            raise _invalid(f"`{place}.arguments` is not the JSON text of an object", 'Write it like "{}"')
        chars += len(function["name"]) + len(arguments)
    return Weight(chars)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _is_blank(content: object) -> bool:
    """Return whether there is nothing to read: no text but white space, and no media."""
    if isinstance(content, list):
        return all(isinstance(part, dict) and _is_blank(part.get("text")) and not _is_media(part) for part in content)
    return not (isinstance(content, str) and content.strip())


def _is_media(part: Message) -> bool:
    return part.get("type", "image_url") not in ("text", "input_text", "output_text")


def _invalid(problem: str, fix: str) -> RowError:
    return RowError(ErrorClass.INVALID, f"{problem}. {fix}")
