"""The configuration: variables win, the file is private, and a key goes to its own host only."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmbatch.cli.client.config import ClientConfig, checked_host, config_path, load, save
from llmbatch.cli.client.exits import CommandError, Exit


def test_the_file_is_in_the_xdg_folder(tmp_path: Path) -> None:
    assert config_path({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "llmbatch" / "config.toml"
    assert config_path({}) == Path("~/.config/llmbatch/config.toml").expanduser()
    assert config_path({"LLMBATCH_CLIENT_CONFIG": str(tmp_path / "a.toml")}) == tmp_path / "a.toml"


def test_what_is_saved_is_loaded_and_private(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "config.toml"
    environ = {"LLMBATCH_CLIENT_CONFIG": str(path)}
    save(ClientConfig("http://h/llmbatch", 'k"\\ey', path))
    assert load(environ) == ClientConfig("http://h/llmbatch", 'k"\\ey', path)
    assert path.stat().st_mode & 0o777 == 0o600
    save(ClientConfig("http://other", "key", path))
    assert (load(environ).host, path.stat().st_mode & 0o777) == ("http://other", 0o600)
    assert [one.name for one in path.parent.iterdir()] == ["config.toml"]


def test_variables_win(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    save(ClientConfig("http://h", "stored", path))
    environ = {"LLMBATCH_CLIENT_CONFIG": str(path)}
    assert load({**environ, "LLMBATCH_API_KEY": "given"}).key == "given"
    assert load({**environ, "LLMBATCH_HOST": "http://h/"}).key == "stored"


def test_a_stored_key_is_not_sent_to_another_host(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    save(ClientConfig("http://h", "stored", path))
    assert load({"LLMBATCH_CLIENT_CONFIG": str(path), "LLMBATCH_HOST": "http://foreign"}).key == ""


def test_without_a_file_nothing_is_set(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert load({"LLMBATCH_CLIENT_CONFIG": str(path)}) == ClientConfig("", "", path)


@pytest.mark.parametrize("text", ["host = ", 'host = "a"\nport = "1"', "key = 3", "\xff\xfe"])
def test_a_wrong_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CommandError, match=str(path)) as caught:
        load({"LLMBATCH_CLIENT_CONFIG": str(path)})
    assert caught.value.exit_code is Exit.USAGE


def test_a_key_is_not_in_the_representation(tmp_path: Path) -> None:
    assert "secret" not in repr(ClientConfig("http://h", "secret", tmp_path))


@pytest.mark.parametrize("text", ["", "h", "ftp://h", "http://", "http://h?a=1"])
def test_a_host_is_an_address(text: str) -> None:
    with pytest.raises(CommandError, match="not an http or https address"):
        checked_host(text)
    assert checked_host(" https://h/llmbatch/ ") == "https://h/llmbatch"
