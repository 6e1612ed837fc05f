"""Chat messages of a row: checked, flattened to text, and in one shape.

OpenAI's ``role`` and ``content`` or ShareGPT's ``from`` and ``value``.
"""

from __future__ import annotations

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

Message = dict[str, object]

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
_SHAREGPT_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


def checked_messages(value: object, name: str = "messages") -> list[Message]:
    """Return the messages with text contents; ``developer`` becomes ``system``, text parts are joined by line feeds.

    Keys without a value are dropped (a Parquet struct has every key in every row). Any other key of a message is kept.
    ``name`` is the column, for errors.

    Raises:
        RowError: not a list, empty, a role missing or unknown, content that is null or not text, a user message
            without text, or no text at all.
    """
    if not isinstance(value, list):
        raise _invalid(f"`{name}` is {_kind(value)}, not a list", 'Write [{"role": "user", "content": "..."}]')
    if not value:
        raise _invalid(f"`{name}` is empty", 'Write at least {"role": "user", "content": "..."}')
    messages = [_checked(message, f"{name}[{index}]") for index, message in enumerate(value)]
    if not any(str(message["content"]).strip() for message in messages):
        raise _invalid("no message has any text", "Write the prompt into the last user message")
    return messages


def content_chars(messages: list[Message]) -> int:
    """Return the characters of all contents."""
    return sum(len(str(message["content"])) for message in messages)


def with_system(messages: list[Message], system_prompt: str) -> list[Message]:
    """Put the job's system prompt first, unless the row has a system message of its own."""
    if any(message["role"] == "system" for message in messages):
        return messages
    return [{"role": "system", "content": system_prompt}, *messages]


def _checked(message: object, where: str) -> Message:
    if not isinstance(message, dict):
        raise _invalid(f"`{where}` is {_kind(message)}, not an object", "Give it a role and a content")
    if message.get("role") is None and message.get("from") is not None:
        message = _of_sharegpt(message, where)
    role = message.get("role")
    if role is None:
        raise _invalid(f"`{where}.role` is missing", "Use system, user or assistant")
    if not isinstance(role, str) or role not in _ROLES:
        raise _invalid(f"`{where}.role` is unknown", f"Use one of {', '.join(sorted(_ROLES))}")
    content = _text_of(message.get("content"), where)
    if role == "user" and not content.strip():
        raise _invalid(f"`{where}.content` is blank", "Write the prompt into it or leave the message out")
    kept = {key: item for key, item in message.items() if item is not None} if len(message) > 2 else message
    return {**kept, "role": "system" if role == "developer" else role, "content": content}


def _of_sharegpt(message: Message, where: str) -> Message:
    sender = message["from"]
    role = _SHAREGPT_ROLES.get(sender) if isinstance(sender, str) else None
    if role is None:
        raise _invalid(f"`{where}.from` is unknown", f"Use one of {', '.join(_SHAREGPT_ROLES)}")
    kept = {key: item for key, item in message.items() if key not in ("from", "value")}
    return {**kept, "role": role, "content": message.get("value")}


def _text_of(content: object, where: str) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        raise _invalid(
            f"`{where}.content` is null or missing", "Give every message a text; an empty one may be left out"
        )
    if not isinstance(content, list):
        raise _invalid(f"`{where}.content` is {_kind(content)}, not a text", "Write it as text")
    texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
    if len(texts) != len(content) or not all(isinstance(text, str) for text in texts):
        raise _invalid(
            f"`{where}.content` has a part that is not text", "Only text is supported; leave out other parts"
        )
    return "\n".join(str(text) for text in texts)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), f"a {type(value).__name__}")


def _invalid(problem: str, fix: str) -> RowError:
    return RowError(ErrorClass.INVALID, f"{problem}. {fix}")
