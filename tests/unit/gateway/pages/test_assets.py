"""The scripts and styles of the pages."""

from __future__ import annotations

import gzip
import re
from importlib.resources import files

import pytest

from llmbatch.gateway.pages import assets as module
from llmbatch.gateway.pages.assets import PLOTLY, load_assets

STATIC = files("llmbatch.gateway.pages").joinpath("static")


def test_every_file_is_there_as_it_is() -> None:
    found = load_assets().by_name
    ours = {entry.name: entry.read_bytes() for entry in STATIC.iterdir()}
    assert {"page.js", "poll.js", "style.css", "icon.svg"} < set(ours)
    assert set(found) == {*ours, PLOTLY}
    assert {name: gzip.decompress(found[name].gzipped) for name in ours} == ours


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("page.js", "text/javascript; charset=utf-8"), ("style.css", "text/css; charset=utf-8"),
     ("icon.svg", "image/svg+xml"), (PLOTLY, "text/javascript; charset=utf-8")],
)  # fmt: skip
def test_types(name: str, media_type: str) -> None:
    assert load_assets().by_name[name].media_type == media_type


def test_the_digest_changes_with_a_byte_and_with_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    def digest(name: str, body: bytes) -> str:
        file = tmp_path / name
        file.write_bytes(body)
        monkeypatch.setattr(module, "_sources", lambda: [file])
        return load_assets.__wrapped__().digest

    assert digest("a.js", b"x") == digest("a.js", b"x")
    assert len({digest("a.js", b"x"), digest("a.js", b"y"), digest("b.js", b"x")}) == 3
    assert re.fullmatch("[0-9a-f]{16}", digest("a.js", b"x"))


def test_scripts_import_only_what_is_there_and_name_no_other_host() -> None:
    for entry in STATIC.iterdir():
        text = entry.read_text(encoding="utf-8")
        for name in re.findall(r'^import .* from "\./([^"]+)";', text, re.MULTILINE):
            assert STATIC.joinpath(name).is_file(), f"{entry.name} imports {name}"
        assert re.findall(r"https?://(?!www\.w3\.org/)", text) == [], entry.name


def test_no_script_runs_text_and_markup_is_only_the_server_s() -> None:
    """The policy forbids the former, and a script that tries breaks."""
    for entry in STATIC.iterdir():
        if entry.name.endswith(".js"):
            text = entry.read_text(encoding="utf-8")
            assert re.findall(r"\beval\(|new Function|document\.write|insertAdjacentHTML|outerHTML", text) == [], (
                entry.name
            )
            markup = [line for line in text.splitlines() if "innerHTML" in line]
            assert [line for line in markup if "// escaped by the server" not in line] == [], entry.name
