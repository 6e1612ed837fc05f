"""Request shapes that vLLM's server takes, as its example batch files and its users write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.input_rows import chat_line, request_of, rows_of, user
from llmbatch.core.request_options import InputFormat
from llmbatch.core.rows import StagedRow

MODEL = "meta-llama/Meta-Llama-3-8B-Instruct"
TALK = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Hello world!"},
]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "strict": None,
    },
}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
SOUND = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
PERSON = {"type": "object", "properties": {"name": {"type": "string"}, "nick": {"type": ["string", "null"]}}}

CHATS: list[dict[str, Any]] = [
    {"model": MODEL, "messages": TALK, "max_completion_tokens": 1000},
    {"model": MODEL, "messages": TALK, "max_tokens": 10, "temperature": 0, "seed": 42, "stream": False},
    user("hi", logprobs=False, top_logprobs=0, logit_bias={}, tools=[], tool_choice="none", parallel_tool_calls=True),
    user("hi", echo=False, best_of=1, response_format={"type": "text", "json_schema": None}),
    user("hi", response_format={"type": "json_object", "json_schema": None}),
    user("hi", logprobs=True, top_logprobs=5, prompt_logprobs=1, return_tokens_as_token_ids=True),
    user("hi", n=3, temperature=0.7, top_p=0.9, top_k=40, min_p=0.05, repetition_penalty=1.1),
    user("hi", use_beam_search=True, n=3, temperature=0.0, length_penalty=0.8),
    user("hi", stop=["a", "b"], stop_token_ids=[2], bad_words=["no"], include_stop_str_in_output=True),
    user("hi", min_tokens=2, max_tokens=4, ignore_eos=True, skip_special_tokens=False),
    user("hi", frequency_penalty=-1, presence_penalty=1.5, logit_bias={"100": -100}, allowed_token_ids=[1, 2]),
    user("Weather?", tools=[WEATHER], tool_choice="auto", parallel_tool_calls=False),
    user("Weather?", tools=[WEATHER], tool_choice="required"),
    user("Weather?", tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "get_weather"}}),
    {"messages": [*TALK, {"role": "assistant", "content": None, "tool_calls": [CALL]},
                  {"role": "tool", "tool_call_id": "c", "content": "42"}], "tools": [WEATHER]},
    {"messages": [*TALK, {"role": "assistant", "content": "4", "reasoning": "2+2"}, TALK[1]]},
    user("hi", response_format={"type": "json_schema", "json_schema": {"name": "p", "schema": PERSON, "strict": True}}),
    user("hi", response_format={"type": "structural_tag", "format": {"type": "any_text"}}),
    user("hi", structured_outputs={"json": PERSON}),
    user("hi", structured_outputs={"regex": r"\w+@\w+\.com\n"}),
    user("hi", structured_outputs={"choice": ["positive", "negative"]}),
    user("hi", structured_outputs={"grammar": 'root ::= "a"'}),
    user("hi", reasoning_effort="low", include_reasoning=False, thinking_token_budget=100),
    user("hi", chat_template_kwargs={"enable_thinking": False, "preset": None}),
    user("hi", truncate_prompt_tokens=-1, add_generation_prompt=False, continue_final_message=True),
    user("hi", documents=[{"title": "a", "text": "b"}], priority=0, cache_salt="salt", return_token_ids=True),
    user([{"type": "text", "text": "What is it?"}, PICTURE, SOUND]),
    user("hi", user="u", metadata={"a": "b"}, store=True, service_tier="flex", safety_identifier="s", verbosity="low"),
    user("hi", stream=True, stream_options={"include_usage": True}, prediction={"type": "content", "content": "x"}),
]  # fmt: skip

OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/completions", {"model": MODEL, "prompt": "The sea is", "max_tokens": 5, "logprobs": 5, "echo": True}),
    ("/v1/completions", {"prompt": ["a", "b"], "n": 2, "temperature": 1.0}),
    ("/v1/completions", {"prompt": [1, 2, 3], "suffix": None, "best_of": 1, "logprobs": False}),
    ("/v1/completions", {"prompt": [[1, 2], [3]], "max_tokens": 0, "echo": True}),
    ("/v1/responses", {"model": MODEL, "input": "hi", "instructions": "Be brief", "store": False, "background": False}),
    ("/v1/responses", {"input": [{"role": "user", "content": "hi"}], "reasoning": {"effort": "low"}}),
    ("/v1/responses", {"input": "hi", "text": {"format": {"type": "json_schema", "name": "p", "schema": PERSON}}}),
    ("/v1/responses", {"input": "hi", "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": False}],
                       "tool_choice": {"type": "function", "name": "f"}}),
    ("/v1/embeddings", {"model": "intfloat/e5-mistral-7b-instruct", "input": "You are a helpful assistant."}),
    ("/v1/embeddings", {"input": ["a", "b"], "encoding_format": "base64", "dimensions": 32, "user": "u"}),
    ("/v1/embeddings", {"messages": TALK, "add_special_tokens": True}),
    ("/v1/score", {"model": "BAAI/bge-reranker-v2-m3", "queries": "What is a panda?", "documents": ["hi", "a bear"]}),
    ("/score", {"text_1": ["a", "b"], "text_2": ["c", "d"], "truncate_prompt_tokens": 10}),
    ("/v1/rerank", {"query": "What is a panda?", "documents": ["hi", "a bear"], "top_n": 1}),
    ("/v2/rerank", {"query": "a", "documents": [{"content": [{"type": "text", "text": "b"}]}]}),
    ("/pooling", {"input": "hi", "encoding_format": "float", "task": "token_embed"}),
    ("/classify", {"input": ["good", "bad"], "use_activation": True}),
    ("/v1/audio/transcriptions", {"file_url": "data:audio/wav;base64,UklGRg==", "language": "en", "temperature": 0.0}),
]  # fmt: skip


def only_row(url: str, body: dict[str, Any]) -> StagedRow:
    (row,) = rows_of(chat_line("request-1", body, url=url), InputFormat.OPENAI_BATCH)
    return row


@pytest.mark.parametrize("body", CHATS, ids=lambda body: json.dumps(body)[-60:])
def test_chats_are_taken_as_they_are(body: dict[str, Any]) -> None:
    row = only_row("/v1/chat/completions", body)
    kept = request_of(row)
    assert kept.items() >= {"messages": body["messages"]}.items()
    dropped = body.keys() - kept.keys()
    assert dropped <= set("""
        model stream stream_options logprobs logit_bias tools tool_choice echo best_of response_format user metadata
        store service_tier safety_identifier verbosity prediction
        """.split())  # fmt: skip
    assert row.answer_limit >= 1


@pytest.mark.parametrize(("url", "body"), OTHERS, ids=lambda value: str(value)[-60:])
def test_bodies_of_other_endpoints_are_taken_as_they_are(url: str, body: dict[str, Any]) -> None:
    row = only_row(url, body)
    kept = request_of(row)
    assert (row.url.rpartition("/")[2], row.url in (url, f"/v1{url}", url.replace("v2", "v1"))) == (
        url.rpartition("/")[2], True,
    )  # fmt: skip
    assert body.keys() - kept.keys() <= {"model", "user", "store", "background", "best_of", "suffix", "logprobs"}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/chat/completions", user("hi", chat_template="{{ messages }}"), "`chat_template` is refused"),
    ("/v1/chat/completions", user("hi", kv_transfer_params={"a": 1}), "`kv_transfer_params` is refused"),
    ("/v1/chat/completions", user("hi", vllm_xargs={"a": 1}), "`vllm_xargs` is refused"),
    ("/v1/chat/completions", user("hi", priority=1), "`priority` needs `scheduling_policy: priority`"),
    ("/v1/chat/completions", user("hi", best_of=2), "`best_of` is not `n`"),
    (
        "/v1/chat/completions",
        user("hi", tools=[{"type": "web_search"}]),
        "`tools[0].type` is a text that is not one of",
    ),
    ("/v1/chat/completions", user("hi", prompt="x"), "`prompt` is not a parameter of /v1/chat/completions"),
    ("/v1/responses", {"input": "hi", "background": True}, "`background` is true"),
    ("/v1/responses", {"input": "hi", "previous_response_id": "r"}, "`previous_response_id` is refused"),
    ("/v1/responses", {"input": "hi", "prompt": {"id": "p"}}, "`prompt` is refused: there are no stored prompts"),
    (
        "/v1/responses",
        {"input": "hi", "tools": [{"type": "web_search"}]},
        "`tools[0].type` is a text that is not one of",
    ),
    ("/v1/completions", {"prompt": "a", "prompt_embeds": "AAAA"}, "`prompt_embeds` is refused"),
    ("/v1/completions", {"prompt": "a", "max_tokens": 0}, "`max_tokens` is 0, and 1 is the least"),
    ("/v1/embeddings", {"input": "a", "encoding_format": "bytes"}, "`encoding_format` is a text that is not one of"),
    ("/v1/embeddings", {"input": "a", "max_tokens": 3}, "`max_tokens` is not a parameter of /v1/embeddings"),
    ("/v1/audio/transcriptions", {"file": "x", "file_url": "data:,"}, "`file` is refused"),
]


@pytest.mark.parametrize(("url", "body", "reason"), REFUSED)
def test_what_acts_or_costs_others_fails_its_row(url: str, body: dict[str, Any], reason: str) -> None:
    error = only_row(url, body).error
    assert error is not None
    assert reason in error
