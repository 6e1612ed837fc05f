"""All interleavings of programs that share a store, one store operation at a time. A crash is never to go on.

The programs are the real code. One runs against a store that repeats the answers it has had so far, and is stopped at
its next operation. So the answers are its state, and it is run once for each sequence of answers that can occur.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import LlmbatchError, ObjectExists, ObjectMissing
from llmbatch.core.store import MemoryStore, ObjectInfo, ObjectStore


@dataclass(frozen=True)
class Refusal:
    """An answer of the store that is an error about one address."""

    kind: type[ObjectExists | ObjectMissing]
    uri: str


Answer = bytes | ObjectInfo | tuple[ObjectInfo, ...] | Refusal | None


@dataclass(frozen=True)
class Call:
    """One store operation; ``body`` is that of a write."""

    name: str
    uri: str
    body: bytes = b""
    span: tuple[str, int, int] = ("", 0, 0)

    def on(self, store: MemoryStore) -> Answer:
        """Carry it out."""
        try:
            match self.name:
                case "get":
                    return store.get(self.uri)
                case "head":
                    return store.head(self.uri)
                case "list":
                    return tuple(store.list(self.uri))
                case "read_range":
                    return store.read_range(self.uri, *self.span)
                case "put":
                    return store.put(self.uri, self.body)
                case "create":
                    return store.create(self.uri, self.body)
                case "delete":
                    return store.delete(self.uri)
        except (ObjectExists, ObjectMissing) as error:
            return Refusal(type(error), self.uri)
        raise NotImplementedError(self.name)


class _Stopped(BaseException):
    """The program is at an operation that has no answer yet."""

    def __init__(self, call: Call) -> None:
        self.call = call
        super().__init__()


class Replay:
    """An ``ObjectStore`` that repeats answers, then stops the program."""

    def __init__(self, answers: tuple[Answer, ...]) -> None:
        self._answers, self.calls = answers, list[Call]()

    def _answer(self, call: Call) -> Answer:
        if len(self.calls) == len(self._answers):
            raise _Stopped(call)
        answer = self._answers[len(self.calls)]
        self.calls.append(call)
        if isinstance(answer, Refusal):
            raise answer.kind(answer.uri)
        return answer

    def get(self, uri: str) -> bytes:
        return cast("bytes", self._answer(Call("get", uri)))

    def head(self, uri: str) -> ObjectInfo:
        return cast("ObjectInfo", self._answer(Call("head", uri)))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return iter(cast("tuple[ObjectInfo, ...]", self._answer(Call("list", prefix))))

    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        return cast("bytes", self._answer(Call("read_range", uri, span=(etag, start, length))))

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        return cast("ObjectInfo", self._answer(Call("put", uri, body)))

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        return cast("ObjectInfo", self._answer(Call("create", uri, body)))

    def upload(self, uri: str, path: str) -> ObjectInfo:
        return self.put(uri, Path(path).read_bytes())

    def delete(self, uri: str) -> None:
        self._answer(Call("delete", uri))

    def delete_many(self, uris: Iterable[str]) -> None:
        for uri in list(uris):
            self.delete(uri)

    def open_stream(self, uri: str, etag: str) -> IO[bytes]:
        raise NotImplementedError

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        raise NotImplementedError

    def copy(self, source: ObjectInfo, uri: str) -> ObjectInfo:
        raise NotImplementedError


OVER = -1
"""The state of a program that has ended."""


@dataclass(frozen=True)
class _Node:
    answers: tuple[Answer, ...]
    calls: tuple[Call, ...]
    next: Call


class Program:
    """Real code as a tree of its store operations; a state is a number, 0 the first.

    Args:
        name: who acts, for messages and checks.
        body: the code. It must do the same whenever the store answers the same.
        again: errors after which it is started again, as Airflow retries a task.
    """

    def __init__(
        self, name: str, body: Callable[[ObjectStore], object], *, again: tuple[type[LlmbatchError], ...] = ()
    ) -> None:
        self.name, self._body, self._again = name, body, again
        self._nodes: list[_Node] = []
        self._after: dict[tuple[int, Answer], int] = {}
        self.ends: set[type[LlmbatchError] | None] = set()
        self._run(())

    def next(self, state: int) -> Call:
        """Return the operation that the program is about to make."""
        return self._nodes[state].next

    def made(self, state: int) -> tuple[tuple[Call, Answer], ...]:
        """Return the operations made so far, with their answers."""
        node = self._nodes[state]
        return tuple(zip(node.calls, node.answers, strict=True))

    def answered(self, state: int, answer: Answer) -> int:
        """Return the state after the store's answer to ``next``."""
        key = (state, answer)
        if key not in self._after:
            self._after[key] = self._run((*self._nodes[state].answers, answer))
        return self._after[key]

    def _run(self, answers: tuple[Answer, ...]) -> int:
        replay = Replay(answers)
        try:
            self._body(cast("ObjectStore", replay))
        except _Stopped as stopped:
            self._nodes.append(_Node(answers, tuple(replay.calls), stopped.call))
            return len(self._nodes) - 1
        except LlmbatchError as error:
            self.ends.add(type(error))
            return 0 if isinstance(error, self._again) else OVER
        self.ends.add(None)
        return OVER


Objects = frozenset[tuple[str, bytes]]


@dataclass(frozen=True)
class State:
    """The objects of interest, and where each program is."""

    objects: Objects
    programs: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One operation of one program, with what the program does before its next operation of interest."""

    actor: int
    before: State
    after: State


def explore(
    programs: tuple[Program, ...],
    objects: Mapping[str, bytes],
    is_shared: Callable[[Call], bool],
    check: Callable[[Step], None],
    rewritten: Callable[[Call], Call] = lambda call: call,
) -> set[State]:
    """Visit every state that any order of operations leads to; return them.

    Args:
        programs: who acts.
        objects: what is there at the beginning, in job folders. What is written elsewhere is forgotten after the step.
        is_shared: whether the order of an operation and those of other programs matters.
        check: raises AssertionError for a step that must not happen.
        rewritten: changes what an operation does, to see that the search finds faults.
    """
    roots = tuple({uri[: uri.index("/jobs/") + 6] for uri in objects})
    start = State(frozenset(objects.items()), (0,) * len(programs))
    seen, todo = {start}, [start]
    while todo:
        state = todo.pop()
        for actor, program in enumerate(programs):
            at = state.programs[actor]
            if at == OVER:
                continue
            store = MemoryStore(ManualClock())
            store.objects = dict(state.objects)
            while True:
                at = program.answered(at, rewritten(program.next(at)).on(store))
                if at == OVER or is_shared(program.next(at)):
                    break
            places = (*state.programs[:actor], at, *state.programs[actor + 1 :])
            after = State(frozenset(item for item in store.objects.items() if item[0].startswith(roots)), places)
            check(Step(actor, state, after))
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return seen
