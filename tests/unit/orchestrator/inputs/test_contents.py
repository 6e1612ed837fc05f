"""What a body asks, endpoint by endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.serving import Serving
from llmbatch.orchestrator.inputs.contents import MOST_PROMPTS, Contents
from llmbatch.orchestrator.inputs.media import MediaRules

CONTENTS = Contents(MediaRules(Serving(), 50), None)
USER = [{"role": "user", "content": "four"}]
PART = {"content": [{"type": "text", "text": "four"}]}
COMPLETIONS, EMBEDDINGS, RESPONSES = Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS, Endpoint.RESPONSES
SCORE, RERANK = Endpoint.SCORE, Endpoint.RERANK

ASKED: list[tuple[Endpoint, dict[str, Any], int, int]] = [
    (Endpoint.CHAT, {"messages": USER}, 4, 1),
    (COMPLETIONS, {"prompt": "four"}, 4, 1),
    (COMPLETIONS, {"prompt": ["four", "two"]}, 7, 2),
    (COMPLETIONS, {"prompt": [1, 2, 3]}, 12, 1),
    (COMPLETIONS, {"prompt": [[1, 2], [3]]}, 12, 2),
    (EMBEDDINGS, {"input": "four"}, 4, 1),
    (EMBEDDINGS, {"input": ["four", "two"]}, 7, 2),
    (EMBEDDINGS, {"input": [[1], [2]]}, 8, 2),
    (EMBEDDINGS, {"messages": USER}, 4, 1),
    (Endpoint.POOLING, {"input": "four"}, 4, 1),
    (Endpoint.CLASSIFY, {"input": ["four"]}, 4, 1),
    (RESPONSES, {"input": "four"}, 4, 1),
    (RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_text", "text": "four"}]}]}, 18, 1),
    (SCORE, {"text_1": "four", "text_2": "two"}, 7, 1),
    (SCORE, {"queries": "four", "documents": ["two", "one"]}, 10, 2),
    (SCORE, {"queries": ["four", "a"], "items": ["two", "one"]}, 11, 2),
    (SCORE, {"data_1": PART, "data_2": [PART]}, 16, 1),
    (RERANK, {"query": "four", "documents": ["two", "one"]}, 10, 2),
    (Endpoint.TRANSCRIPTIONS, {"file_url": "data:audio/wav;base64,AAAA"}, 0, 1),
]


@pytest.mark.parametrize(("endpoint", "body", "chars", "prompts"), ASKED)
def test_contents_are_kept_and_counted(endpoint: Endpoint, body: dict[str, Any], chars: int, prompts: int) -> None:
    found = CONTENTS.of(endpoint, {**body, "model": "m"})
    assert (found.values, found.weight.chars, found.prompts) == (body, chars, prompts)


def test_messages_in_an_input_are_messages() -> None:
    assert CONTENTS.of(EMBEDDINGS, {"input": USER}).values == {"messages": USER}


WRONG: list[tuple[Endpoint, dict[str, Any], str]] = [
    (Endpoint.CHAT, {}, "`body.messages` is missing"),
    (COMPLETIONS, {}, "`body.prompt` is null or missing"),
    (COMPLETIONS, {"prompt": []}, "`body.prompt` is an empty list, not a text"),
    (COMPLETIONS, {"prompt": [True]}, "`body.prompt` is a boolean, not a text"),
    (COMPLETIONS, {"prompt": [[1], []]}, "`body.prompt` is an empty list, not a text"),
    (COMPLETIONS, {"prompt": [[1, -1]]}, "`body.prompt` is a list, not a text"),
    (COMPLETIONS, {"prompt": ["a", " "]}, "`body.prompt` is blank"),
    (COMPLETIONS, {"prompt": ["a"] * (MOST_PROMPTS + 1)}, "`body.prompt` has 1025 prompts, more than 1024"),
    (EMBEDDINGS, {"input": ""}, "`body.input` is blank"),
    (EMBEDDINGS, {"input": "a", "messages": USER}, "exclude each other"),
    (RESPONSES, {"input": []}, "`body.input` is an empty list, not a text or a list of items"),
    (RESPONSES, {"input": ["a"]}, "`body.input[0]` is a text, not an object"),
    (RESPONSES, {"input": [{"type": "item_reference", "id": "x"}]}, "`body.input[0]` refers to an answer of another"),
    (SCORE, {"text_1": "a"}, "the row has none of `queries` with `documents`"),
    (SCORE, {"text_1": "a", "text_2": "b", "queries": "a", "documents": "b"}, "the row has several of"),
    (SCORE, {"text_1": ["a", "b"], "text_2": ["c"]}, "`body.text_1` has 2 texts and `body.text_2` 1"),
    (SCORE, {"text_1": "a", "text_2": []}, "`body.text_2` is empty"),
    (RERANK, {"documents": ["a"]}, "`body.query` is null or missing"),
    (RERANK, {"query": ["a"], "documents": ["a"]}, "`body.query` is a list, not a text"),
    (Endpoint.TRANSCRIPTIONS, {}, "`body.file_url` has no address"),
    (
        Endpoint.TRANSCRIPTIONS,
        {"file_url": "data:," + "A" * 50},
        "56 bytes of media, more than staging.max_media_bytes",
    ),
]


@pytest.mark.parametrize(("endpoint", "body", "reason"), WRONG)
def test_what_no_engine_could_read_fails_the_row(endpoint: Endpoint, body: dict[str, Any], reason: str) -> None:
    with pytest.raises(RowError) as caught:
        CONTENTS.of(endpoint, body)
    assert reason in caught.value.message


def test_a_chat_has_the_system_prompt_of_its_job() -> None:
    contents = Contents(MediaRules(Serving(), 0), "be brief")
    assert contents.of(Endpoint.CHAT, {"messages": USER}).weight.chars == len("be brief") + 4
    assert contents.of(COMPLETIONS, {"prompt": "x"}).values == {"prompt": "x"}
