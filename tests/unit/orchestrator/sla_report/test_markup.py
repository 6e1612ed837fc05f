"""HTML and SVG elements as text."""

from __future__ import annotations

from llmbatch.orchestrator.sla_report.markup import joined, number, tag


def test_markup_escapes_what_is_no_element() -> None:
    assert tag("b", 'a<b & "c"', class_="x", stroke_width=1.50) == (
        '<b class="x" stroke-width="1.5">a&lt;b &amp; &quot;c&quot;</b>'
    )
    assert tag("i", joined("<", tag("b", "&"))) == "<i>&lt;<b>&amp;</b></i>"
    assert tag("i", title='"><script>') == '<i title="&quot;&gt;&lt;script&gt;"></i>'
    assert [number(value) for value in (1200, 3.50, 0.02)] == ["1200", "3.5", "0.02"]
