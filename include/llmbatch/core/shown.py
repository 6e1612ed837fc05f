"""Text from outside, as a log line, an error or a terminal may show it: keys, run ids, names, answers of servers."""

from __future__ import annotations

LONGEST = 2000
"""Characters of one text that are shown, unless the caller sets another limit."""


def shown(text: object, most: int = LONGEST) -> str:
    r"""Return ``str(text)`` on one line, with all characters that are not printable written as escapes.

    Those are control characters, line separators, marks that change the direction of writing, and lone surrogates. A
    key ``a<ESC>[2J<LF>event=forged`` is shown as ``a\x1b[2J\nevent=forged``. A text of more than ``most`` characters is
    cut, and its length is added.
    """
    whole = str(text)
    cut = whole if len(whole) <= most else f"{whole[:most]}... ({len(whole)} characters)"
    if cut.isprintable():
        return cut
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in cut)


def shown_lines(text: object) -> str:
    """Return a text of several lines, each of them as ``shown`` returns it."""
    return "\n".join(shown(line) for line in str(text).split("\n"))
