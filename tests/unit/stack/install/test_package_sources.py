"""What pip is configured with reaches uv; what the user set for uv stays."""

from pathlib import Path

import pytest

from llmbatch_stack.install.package_sources import from_pip

TORCH = "https://torch.example/whl/cpu"


def variables(listing: str, environ: dict[str, str] | None = None) -> dict[str, str]:
    """Return what an installation gets; locks get the same without the extra indexes."""
    return dict(from_pip(listing, environ or {}).with_extra())


def test_pip_without_configuration_changes_nothing():
    sources = from_pip("", {"HOME": "/root"})
    assert sources.variables == {"HOME": "/root"}
    assert sources.options == ()


def test_every_source_of_pip_is_translated(tmp_path: Path):
    listing = f"""\
global.cert='/ca.pem'
global.client-cert='/client.pem'
global.default-timeout='180'
global.extra-index-url='https://a.example/simple'
global.find-links='{tmp_path}'
global.index-url='https://main.example/simple'
global.proxy='http://proxy.example:3128'
global.trusted-host='a.example b.example:8080'
"""
    assert variables(listing) == {
        "ALL_PROXY": "http://proxy.example:3128",
        "SSL_CERT_FILE": "/ca.pem",
        "SSL_CLIENT_CERT": "/client.pem",
        "UV_DEFAULT_INDEX": "https://main.example/simple",
        "UV_FIND_LINKS": str(tmp_path),
        "UV_HTTP_TIMEOUT": "180",
        "UV_INDEX": "https://a.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INSECURE_HOST": "a.example b.example:8080",
    }


def test_several_values_are_separated_by_spaces_or_lines(tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    found = variables(
        "global.extra-index-url='\\nhttps://a.example/simple\\nfile:///srv/simple'\n"
        f"global.find-links='{first}  {second} https://links.example/'\n"
    )
    assert found["UV_INDEX"] == "https://a.example/simple file:///srv/simple"
    assert found["UV_FIND_LINKS"] == f"{first},{second},https://links.example/"


def test_folder_of_links_that_is_missing_is_left_out_as_pip_does(tmp_path: Path):
    there = tmp_path / "with space"
    there.mkdir()
    links = f"/nowhere file:///nowhere {there.as_uri()}"
    assert variables(f"global.find-links='{links}'")["UV_FIND_LINKS"] == str(there)
    assert "UV_FIND_LINKS" not in variables("global.find-links='/nowhere'")


def test_relative_folder_of_links_is_independent_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "wheels").mkdir()
    monkeypatch.chdir(tmp_path)
    assert variables("global.find-links='wheels'")["UV_FIND_LINKS"] == str(tmp_path / "wheels")


def test_later_sections_win_and_empty_values_and_other_commands_do_not_count():
    listing = """\
:env:.index-url=''
download.index-url='https://download.example/simple'
global.index-url='https://global.example/simple'
install.index-url='https://install.example/simple'
"""
    assert variables(listing)["UV_DEFAULT_INDEX"] == "https://install.example/simple"
    assert variables(listing.replace("''", "'https://env.example'"))["UV_DEFAULT_INDEX"] == "https://env.example"


@pytest.mark.parametrize(
    ("mine", "kept_out"),
    [
        ("UV_FIND_LINKS", "UV_FIND_LINKS"),
        ("UV_DEFAULT_INDEX", "UV_DEFAULT_INDEX"),
        ("UV_INDEX_URL", "UV_DEFAULT_INDEX"),
        ("UV_INDEX", "UV_INDEX"),
        ("UV_EXTRA_INDEX_URL", "UV_INDEX"),
        ("UV_INDEX_STRATEGY", "UV_INDEX_STRATEGY"),
        ("SSL_CERT_FILE", "SSL_CERT_FILE"),
    ],
)
def test_variables_of_the_user_win(tmp_path: Path, mine: str, kept_out: str):
    listing = f"""\
global.cert='/ca.pem'
global.extra-index-url='https://a.example/simple'
global.find-links='{tmp_path}'
global.index-url='https://main.example/simple'
"""
    found = variables(listing, {mine: "of the user"})
    assert found[mine] == "of the user"
    assert found.get(kept_out, "of the user") == "of the user"


def test_bundle_that_pip_takes_from_its_environment_counts():
    assert variables("", {"REQUESTS_CA_BUNDLE": "/bundle.pem"})["SSL_CERT_FILE"] == "/bundle.pem"


@pytest.mark.parametrize(("value", "options"), [("1", ("--no-index",)), ("true", ("--no-index",)), ("0", ())])
def test_pip_without_an_index_is_uv_without_an_index(value: str, options: tuple[str, ...]):
    assert from_pip(f":env:.no-index='{value}'", {}).options == options


def test_timeout_is_rounded_up_to_whole_seconds():
    assert variables("global.timeout='0.5'")["UV_HTTP_TIMEOUT"] == "1"


def test_one_more_index_keeps_the_others_and_hides_nothing():
    more = from_pip("global.extra-index-url='https://a.example/simple'", {}).with_extra(TORCH)
    assert more["UV_INDEX"] == f"https://a.example/simple {TORCH}"
    assert more["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert from_pip("", {}).with_extra(TORCH)["UV_INDEX"] == TORCH
    assert from_pip("", {"UV_INDEX": "https://own.example"}).with_extra(TORCH)["UV_INDEX"] == (
        f"https://own.example {TORCH}"
    )


def test_one_more_index_keeps_the_strategy_of_the_user():
    assert from_pip("", {"UV_INDEX_STRATEGY": "first-index"}).with_extra(TORCH) == {
        "UV_INDEX": TORCH,
        "UV_INDEX_STRATEGY": "first-index",
    }


def test_index_of_the_user_alone_keeps_the_strategy_of_uv():
    listing = "global.extra-index-url='https://a.example/simple'"
    assert variables(listing, {"UV_INDEX": "https://own.example"}) == {"UV_INDEX": "https://own.example"}


def test_locks_do_not_depend_on_the_extra_indexes_of_a_machine():
    listing = "global.extra-index-url='https://a.example/simple'\nglobal.index-url='https://main.example/simple'\n"
    assert from_pip(listing, {}).variables == {"UV_DEFAULT_INDEX": "https://main.example/simple"}
