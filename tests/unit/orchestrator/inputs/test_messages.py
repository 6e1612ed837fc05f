"""Chat messages of a row: checked, and in one shape."""

from __future__ import annotations

import pytest

from llmbatch.core.errors import RowError
from llmbatch.core.serving import Serving
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.media import MediaRules
from llmbatch.orchestrator.inputs.messages import Talk, checked_messages, with_system

MEDIA = MediaRules(Serving(media_domains=("pictures.example",)), 1000)
USER = {"role": "user", "content": "hi"}


def talk(value: object) -> Talk:
    return checked_messages(value, MEDIA)


def test_messages_get_one_shape() -> None:
    parts = [{"type": "text", "text": "one", "image_url": None}, {"type": "text", "text": "two"}]
    assert talk(
        [
            {"role": "developer", "content": "rules"},
            {"role": "user", "content": parts, "name": None},
            {"role": "assistant", "content": "", "name": "bot", "tool_calls": None},
        ]
    ).messages == [
        {"role": "system", "content": "rules"},
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
        {"role": "assistant", "content": "", "name": "bot"},
    ]


def called(arguments: object = "{}", **changes: object) -> dict[str, object]:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call], **changes}


def test_a_tool_history_has_null_contents() -> None:
    history = [USER, called(), {"role": "tool", "tool_call_id": "c", "content": "42"}]
    assert talk(history).messages == history
    assert talk(history).weight.chars == len("hi") + len("f{}") + len("42")


@pytest.mark.parametrize("kept", [{"reasoning": "so"}, {"reasoning_content": "so"}, {"refusal": "no"}])
def test_an_assistant_may_have_said_something_else_than_content(kept: dict[str, object]) -> None:
    history = [USER, {"role": "assistant", "content": None, **kept}]
    assert talk(history).messages == history


def test_media_are_passed_on_and_weighed_apart() -> None:
    data = "data:image/png;base64,AAAA"
    parts = [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": data, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://Pictures.example/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]
    found = talk([{"role": "user", "content": parts}])
    assert found.messages == [{"role": "user", "content": parts}]
    assert found.weight == (len("what is it?"), len(data) + 4)
    assert talk([{"role": "user", "content": parts[1:]}]).weight.chars == 0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "`messages` is null, not a list"),
        ({}, "`messages` is an object, not a list"),
        ([], "`messages` is empty"),
        ([True], "`messages[0]` is a boolean, not an object"),
        ([USER, {"content": "hi"}], "`messages[1].role` is missing"),
        ([{"role": ["user"], "content": "hi"}], "`messages[0].role` is unknown"),
        ([{"role": "user"}], "`messages[0].content` is null or missing"),
        ([USER, {"role": "assistant", "content": None}], "`messages[1].content` is null or missing"),
        ([USER, {"role": "assistant", "content": None, "tool_calls": []}], "`messages[1].content` is null"),
        ([{"role": "user", "content": None, "tool_calls": called()["tool_calls"]}], "`messages[0].content` is null"),
        ([USER, called(tool_calls=[{"id": "c"}])], "`messages[1].tool_calls[0].function.name` is missing"),
        ([USER, called("{")], "`messages[1].tool_calls[0].function.arguments` is not the JSON text of an object"),
        ([USER, called({"a": 1})], "arguments` is not the JSON text of an object"),
        ([USER, called(tool_calls={"id": "c"})], "`messages[1].tool_calls` is an object, not a list"),
        ([{"role": "user", "content": [{"type": "text", "text": " "}]}], "`messages[0].content` is blank"),
        ([{"role": "user", "content": []}], "`messages[0].content` is blank"),
        ([{"role": "user", "content": [{"type": "text", "text": 1}]}], "`messages[0].content[0].text` is a number"),
        ([{"role": "user", "content": ["hi"]}], "`messages[0].content[0]` is a text, not an object"),
        ([{"role": "assistant", "content": " "}], "no message has any text"),
    ],
)
def test_bad_messages_are_an_error_with_the_reason(value: object, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        talk(value)
    assert caught.value.error_class is ErrorClass.INVALID
    assert reason in caught.value.message


def test_the_system_prompt_is_first_unless_the_row_has_its_own() -> None:
    own = talk([{"role": "system", "content": "own"}, USER])
    made = with_system(talk([USER]), "job")
    assert made.messages == [{"role": "system", "content": "job"}, USER]
    assert made.weight.chars == len("job") + len("hi")
    assert with_system(own, "job") == own


def test_characters_of_all_contents_are_counted() -> None:
    assert talk([{"role": "system", "content": "é"}, {"role": "user", "content": "four"}]).weight == (5, 0)
