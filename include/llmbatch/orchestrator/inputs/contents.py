"""What the body of a request asks: messages, prompts, inputs, pairs to be scored; checked and weighed.

Every endpoint has its own keys (``CONTENT_KEYS``). A list of token ids counts as four characters a token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.content_parts import weight_of
from llmbatch.orchestrator.inputs.media import MediaRules, Weight
from llmbatch.orchestrator.inputs.messages import Talk, checked_messages, with_system
from llmbatch.orchestrator.inputs.problem import kind_of

MOST_PROMPTS = 1024
"""vLLM's own bound of the prompts of one completion."""
TOKEN_CHARS = 4

_PAIRS = (("queries", "documents"), ("queries", "items"), ("data_1", "data_2"), ("text_1", "text_2"))


class Content(NamedTuple):
    """The keys of a body that hold what is asked, what they weigh, and how many prompts they are."""

    values: dict[str, object]
    weight: Weight
    prompts: int = 1


class Contents:
    """Checks the contents of one job's rows. Raises ``RowError`` for what no engine could read."""

    def __init__(self, media: MediaRules, system_prompt: str | None) -> None:
        self._media, self._system = media, system_prompt
        self._of: Mapping[Endpoint, Callable[[Mapping[str, object]], Content]] = {
            Endpoint.CHAT: self._chat,
            Endpoint.COMPLETIONS: self._completion,
            Endpoint.RESPONSES: self._response,
            Endpoint.TRANSCRIPTIONS: self._transcription,
            Endpoint.EMBEDDINGS: self._input,
            Endpoint.POOLING: self._input,
            Endpoint.CLASSIFY: self._input,
            Endpoint.SCORE: self._pair,
            Endpoint.RERANK: self._rerank,
        }

    def of(self, endpoint: Endpoint, body: Mapping[str, object]) -> Content:
        """Return what a body asks.

        Raises:
            RowError: it is missing, blank, of a form that the endpoint does not take, or names media that are not
                allowed.
        """
        content = self._of[endpoint](body)
        self._media.check_size(content.weight)
        return content

    def talk(self, value: object, name: str = "messages") -> Talk:
        """Return the messages of a chat."""
        return checked_messages(value, self._media, name)

    def chat(self, talk: Talk) -> Content:
        """Return checked messages as the content of a chat, with the job's system prompt."""
        if self._system is not None:
            talk = with_system(talk, self._system)
        self._media.check_size(talk.weight)
        return Content({"messages": talk.messages}, talk.weight)

    def _chat(self, body: Mapping[str, object]) -> Content:
        if "messages" not in body:
            raise _invalid("`body.messages` is missing", f"A {Endpoint.CHAT.value} row needs it")
        return self.chat(self.talk(body["messages"]))

    def _completion(self, body: Mapping[str, object]) -> Content:
        prompt = body.get("prompt")
        weight, prompts = _texts_or_ids(prompt, "body.prompt")
        if prompts > MOST_PROMPTS:
            raise _invalid(f"`body.prompt` has {prompts} prompts, more than {MOST_PROMPTS}", "Write several rows")
        return Content({"prompt": prompt}, weight, prompts)

    def _input(self, body: Mapping[str, object]) -> Content:
        value = body.get("input")
        if body.get("messages") is not None:
            if value is not None:
                raise _invalid("`body.input` and `body.messages` exclude each other", "Keep one")
            talk = self.talk(body["messages"], "body.messages")
            return Content({"messages": talk.messages}, talk.weight)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            talk = self.talk(value, "body.input")
            return Content({"messages": talk.messages}, talk.weight)
        weight, prompts = _texts_or_ids(value, "body.input")
        return Content({"input": value}, weight, prompts)

    def _response(self, body: Mapping[str, object]) -> Content:
        value = body.get("input")
        if isinstance(value, str):
            return Content({"input": value}, Weight(_text(value, "body.input")))
        if not isinstance(value, list) or not value:
            raise _invalid(
                f"`body.input` is {_or_empty(value)}, not a text or a list of items", "Write the prompt into it"
            )
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise _invalid(
                    f"`body.input[{index}]` is {kind_of(item)}, not an object", "Give it a role and a content"
                )
            if item.get("type") == "item_reference":
                raise _invalid(f"`body.input[{index}]` refers to an answer of another row", "Write the item itself")
        return Content({"input": value}, weight_of(value, "body.input", self._media))

    def _transcription(self, body: Mapping[str, object]) -> Content:
        address = body.get("file_url")
        return Content({"file_url": address}, self._media.weight_of_address(address, "body.file_url"))

    def _pair(self, body: Mapping[str, object]) -> Content:
        given = [pair for pair in _PAIRS if all(body.get(name) is not None for name in pair)]
        if len(given) != 1:
            forms = " or ".join(f"`{first}` with `{second}`" for first, second in _PAIRS)
            raise _invalid(f"the row has {'several of' if given else 'none of'} {forms}", "Give it one pair")
        ((first, second),) = given
        left, right = (self._scored(body[name], f"body.{name}") for name in (first, second))
        if left.prompts not in (1, right.prompts):
            raise _invalid(
                f"`body.{first}` has {left.prompts} texts and `body.{second}` {right.prompts}",
                "Give both as many, or the first one",
            )
        return Content({**left.values, **right.values}, left.weight.plus(right.weight), right.prompts)

    def _rerank(self, body: Mapping[str, object]) -> Content:
        query, documents = (self._scored(body.get(name), f"body.{name}") for name in ("query", "documents"))
        if isinstance(body["query"], list):
            raise _invalid("`body.query` is a list, not a text", "Write one query a row")
        return Content({**query.values, **documents.values}, query.weight.plus(documents.weight), documents.prompts)

    def _scored(self, value: object, where: str) -> Content:
        """Return one side of a score: a text, an object with ``content``, or a list of these."""
        each = value if isinstance(value, list) else [value]
        if not each:
            raise _invalid(f"`{where}` is empty", "Write the text into it")
        for item in each:
            if not isinstance(item, dict) or not isinstance(item.get("content"), list):
                _text(item, where)
        name = where.removeprefix("body.")
        return Content({name: value}, weight_of(value, where, self._media), len(each))


def _texts_or_ids(value: object, where: str) -> tuple[Weight, int]:
    """Return what a text, token ids, or a list of either weighs, and how many prompts it is."""
    if isinstance(value, list) and value and not _are_ids(value):
        chars = [len(item) * TOKEN_CHARS if _are_ids(item) else _text(item, where) for item in value]
        return Weight(sum(chars)), len(chars)
    if _are_ids(value):
        return Weight(len(value) * TOKEN_CHARS), 1  # type: ignore[arg-type]  # a list
    return Weight(_text(value, where)), 1


def _are_ids(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int and item >= 0 for item in value)


def _text(value: object, where: str) -> int:
    """Return the characters of a text."""
    if value is None:
        raise _invalid(f"`{where}` is null or missing", "Write the prompt into it")
    if not isinstance(value, str):
        raise _invalid(f"`{where}` is {_or_empty(value)}, not a text", "Write texts or lists of token ids")
    if not value.strip():
        raise _invalid(f"`{where}` is blank", "Write the prompt into it or leave the row out")
    return len(value)


def _or_empty(value: object) -> str:
    return "an empty list" if value == [] else kind_of(value)


def _invalid(problem: str, fix: str) -> RowError:
    return RowError(ErrorClass.INVALID, f"{problem}. {fix}")
