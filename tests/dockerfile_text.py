"""Dockerfiles and .dockerignore as data, for tests that build nothing."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_REFERENCE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True)
class Instruction:
    """One instruction: ``RUN``, and what follows it on one line; ``stage`` counts from 0, before the first FROM -1."""

    word: str
    text: str
    stage: int

    @property
    def flags(self) -> Mapping[str, str]:
        """Options such as ``--from=packages``, by their name."""
        found = [word for word in self.text.split() if word.startswith("--")]
        return {name: value for name, _, value in (word[2:].partition("=") for word in found)}

    @property
    def arguments(self) -> list[str]:
        """The words without options; of the exec form, its strings."""
        text = self.text
        if text.startswith("["):
            return [str(word) for word in json.loads(text)]
        return [word for word in shlex.split(text) if not word.startswith("--")]

    @property
    def pairs(self) -> Mapping[str, str]:
        """What ENV, LABEL and ARG set; an ARG without a default has an empty value."""
        return {name: value for name, _, value in (word.partition("=") for word in shlex.split(self.text))}


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile's instructions in their order."""

    path: Path

    @cached_property
    def instructions(self) -> list[Instruction]:
        """Comments and continuation lines are resolved, references to arguments are not."""
        lines = [line for line in self.path.read_text().splitlines() if line.strip() and not line.startswith("#")]
        stage, found = -1, []
        for line in "\n".join(lines).replace("\\\n", " ").splitlines():
            word, _, text = line.strip().partition(" ")
            stage += word == "FROM"
            found.append(Instruction(word, text.strip(), stage))
        return found

    def of(self, *words: str, last_stage: bool = False) -> Iterator[Instruction]:
        """Yield the instructions of these words, of all stages or of the one that becomes the image."""
        for each in self.instructions:
            if each.word in words and (not last_stage or each.stage == self.instructions[-1].stage):
                yield each

    @property
    def defaults(self) -> Mapping[str, str]:
        """All build arguments with their defaults; the first default counts."""
        found: dict[str, str] = {}
        for each in self.of("ARG"):
            for name, value in each.pairs.items():
                found[name] = found.get(name) or value
        return found

    def copied(self, arguments: Mapping[str, str]) -> list[str]:
        """Return what COPY takes from the build context, with these build arguments."""
        values = {**self.defaults, **arguments}
        return [
            _REFERENCE.sub(lambda match: values[match[1]], source)
            for each in self.of("COPY")
            if "from" not in each.flags
            for source in each.arguments[:-1]
        ]


def ignored(path: str, patterns: Iterable[str]) -> bool:
    """Return whether a ``.dockerignore`` of these lines keeps a path out: the last pattern that matches decides."""
    parts = path.split("/")
    parents = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    out = False
    for line in patterns:
        pattern = line.removeprefix("!")
        if any(re.fullmatch(_regular(pattern), parent) for parent in parents):
            out = not line.startswith("!")
    return out


def _regular(pattern: str) -> str:
    text = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return text.replace(r"\[", "[").replace(r"\]", "]")
