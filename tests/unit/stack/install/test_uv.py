"""What the installer relies on, tried with the real uv and wheels made here: nothing comes from an index."""

import json
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from llmbatch_stack.install import rooms
from llmbatch_stack.install.command import InstallError, clean_environment
from llmbatch_stack.install.package_sources import from_pip
from llmbatch_stack.install.room import Room
from llmbatch_stack.install.uv import Uv, ready
from llmbatch_stack.settings import load


def wheel(folder: Path, name: str, version: str) -> None:
    """Write a wheel of one module; it depends on a package that does not exist."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: not-there\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Uv:
    for name in ("wanted", "stranger"):
        for version in ("1", "2"):
            wheel(tmp_path / "wheels", name, version)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    listing = f"""\
:env:.no-index='1'
global.extra-index-url='file:///nowhere/simple {(tmp_path / "nothing").as_uri()}'
global.find-links='{tmp_path}/wheels /nowhere'
"""
    return replace(ready(load()), sources=from_pip(listing, clean_environment()))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    (tmp_path / "x.lock").write_text("wanted==1\n")
    return Room("x", tmp_path / "x.lock", tmp_path / "venvs" / "x", tmp_path / "x.log", "import wanted")


def names(room: Room, uv: Uv) -> dict[str, str]:
    command = [*uv.command, "pip", "list", "--python", str(room.python), "--format=json"]
    listed = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return {item["name"]: item["version"] for item in listed}


def test_room_holds_what_its_lock_names_and_nothing_else(room: Room, uv: Uv):
    rooms.make_room(room, uv, report=lambda _: None)
    assert names(room, uv) == {"wanted": "1"}
    assert list(room.venv.glob("lib/python*/site-packages/__pycache__/wanted.*.pyc"))

    by_hand = [*uv.command, "pip", "install", *uv.sources.options, "--quiet", "--no-deps", "--python", str(room.python)]
    subprocess.run([*by_hand, "stranger"], env=uv.sources.variables, check=True)
    assert names(room, uv) == {"wanted": "1", "stranger": "2"}
    room.lock.write_text("wanted==2\n")
    rooms.make_room(room, uv, report=lambda _: None)
    assert names(room, uv) == {"wanted": "2"}
    assert room.is_finished()


def test_release_that_no_source_has_is_an_error_and_leaves_no_stamp(room: Room, uv: Uv):
    room.lock.write_text("wanted==3\n")
    with pytest.raises(InstallError, match="wanted==3"):
        rooms.make_room(room, uv, report=lambda _: None)
    assert not room.is_finished()


def test_one_index_that_is_not_there_breaks_nothing(room: Room, uv: Uv):
    rooms.make_room(room, replace(uv, sources=replace(uv.sources, options=("--offline",))), report=lambda _: None)
    assert names(room, uv) == {"wanted": "1"}
