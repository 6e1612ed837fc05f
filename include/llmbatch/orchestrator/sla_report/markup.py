"""HTML and SVG elements as text. Text that is not an element is escaped."""

from __future__ import annotations

from html import escape

Attribute = str | float


class Element(str):
    """Text that is already markup."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: Attribute) -> Element:
    """Return one element. ``stroke_width`` becomes ``stroke-width``, ``class_`` becomes ``class``.

    ``tag("b", "a<b", class_="x")`` gives ``<b class="x">a&lt;b</b>``.
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(number(value) if isinstance(value, int | float) else value)}"'
        for key, value in attributes.items()
    )
    return Element(f"<{name}{shown}>{joined(*children)}</{name}>")


def joined(*children: str) -> Element:
    """Return elements and escaped texts, one after the other."""
    return Element("".join(child if isinstance(child, Element) else escape(child) for child in children))


def number(value: float, digits: int = 2) -> str:
    """Return a number without needless zeros: 1200, 3.5, 0.02."""
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
