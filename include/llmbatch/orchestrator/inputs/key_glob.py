"""Globs over object keys, matched in time that is linear in the key, whatever the pattern.

All ways to match are followed at once, as bits of one integer, so that no pattern makes the matcher go back.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", flags=re.DOTALL)
_SPECIAL = re.compile(r"[*?\[]")


def is_glob(key: str) -> bool:
    """Return whether the key holds a character that a glob gives a meaning to."""
    return _SPECIAL.search(key) is not None


def literal_start(key: str) -> str:
    """Return what comes before the first character of the key that a glob gives a meaning to."""
    return _SPECIAL.split(key, maxsplit=1)[0]


class KeyGlob:
    """One glob. ``*`` and ``?`` stay within one folder, ``**`` crosses folders, ``[abc]`` and ``[!abc]`` are sets.

    ``a/*.csv`` matches ``a/b.csv``, not ``a/b/c.csv``; ``a/**`` matches both. ``**/`` also matches nothing.

    Raises:
        ValueError: a set is not valid.
    """

    def __init__(self, pattern: str) -> None:
        self._atoms: list[tuple[int, re.Pattern[str]]] = []  # bit of a state, and the characters that end it
        self._stars: list[tuple[int, str | None]] = []  # bit of a state, and the character at which it ends
        self._free = 0  # states that are over without a character
        self._skips = 0  # states that may also be continued three states later
        bit = 1
        for sign in _TOKEN.findall(pattern):
            if sign == "**/":
                self._free |= bit
                self._skips |= bit
                self._stars.append((bit << 1, None))
                self._atoms.append((bit << 2, re.compile("/")))
                bit <<= 3
                continue
            if sign in {"*", "**"}:
                self._stars.append((bit, "/" if sign == "*" else None))
            else:
                self._atoms.append((bit, _character(sign)))
            bit <<= 1
        for star, _ in self._stars:
            self._free |= star
        self._end = bit
        self._start = self._closed(1)
        self._by_character: dict[str, tuple[int, int]] = {}

    def matches(self, key: str) -> bool:
        """Return whether the whole key matches."""
        states = self._start
        for character in key:
            steps, stays = self._by_character.get(character) or self._masks(character)
            states = ((states & steps) << 1) | (states & stays)
            if not states:
                return False
            if states & self._free:
                states = self._closed(states)
        return bool(states & self._end)

    def _closed(self, states: int) -> int:
        """Return the states with all those that follow without a character."""
        while True:
            more = states | ((states & self._free) << 1) | ((states & self._skips) << 3)
            if more == states:
                return states
            states = more

    def _masks(self, character: str) -> tuple[int, int]:
        """Return the states that the character ends, and those that it leaves as they are."""
        steps = sum(bit for bit, wanted in self._atoms if wanted.fullmatch(character))
        stays = sum(bit for bit, end in self._stars if character != end)
        self._by_character[character] = (steps, stays)
        return steps, stays


def _character(sign: str) -> re.Pattern[str]:
    """Return the pattern of the one character that a sign stands for."""
    if sign == "?":
        return re.compile("[^/]")
    if len(sign) == 1:
        return re.compile(re.escape(sign))
    inside = re.sub(r"([\\\[&~|])", r"\\\1", sign[1:-1])
    try:
        return re.compile(f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]")
    except re.error as error:
        raise ValueError(f"{sign} is not a set: {error}") from None
