"""The bill of materials of an image: which locks it is made from, and what it says of the image."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from llmbatch_stack.install import sbom
from llmbatch_stack.install.room import Room
from llmbatch_stack.settings import load


def test_a_bill_is_made_from_all_locks_of_its_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = replace(load({}), repo=tmp_path, state=tmp_path / "state")
    (tmp_path / "requirements").mkdir()
    for name in ("ray-cpu", "image-models"):
        (tmp_path / "requirements" / f"{name}.lock").write_text(f"{name}==1\n")

    def list_components(_: Path, command: list[str]) -> str:
        return json.dumps({"metadata": {}, "components": Path(command[-1]).read_text().split()})

    monkeypatch.setattr(sbom, "run", list_components)
    room = Room("sbom", tmp_path / "lock", tmp_path / "venv", tmp_path / "log", "")
    bill = json.loads(sbom.write(settings, room, "llmbatch-ray-cpu", "1.2").read_text())
    assert bill["components"] == ["ray-cpu==1", "image-models==1"]
    component = bill["metadata"]["component"]
    assert (component["name"], component["version"], component["type"]) == ("llmbatch-ray-cpu", "1.2", "container")
    assert [path.name for path in (tmp_path / "state" / "sbom").iterdir()] == ["llmbatch-ray-cpu.cdx.json"]


def test_every_image_has_locks_and_the_version_is_that_of_the_package(tmp_path: Path):
    repo = load({}).repo
    for names in sbom.LOCKS.values():
        assert [name for name in names if not (repo / "requirements" / f"{name}.lock").exists()] == []
    (tmp_path / "include/llmbatch").mkdir(parents=True)
    shutil.copy(repo / "include/llmbatch/version.py", tmp_path / "include/llmbatch")
    from llmbatch.version import VERSION

    assert sbom.version_of(tmp_path) == VERSION
