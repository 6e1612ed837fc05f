from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmbatch.provider import dag_files
from llmbatch.provider.dag_files import NOTES, ChangedCopiesError, FolderError, Installed, install, packaged_folder

ROOT = Path(__file__).parents[3]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a package with two DAG files."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "a.py").write_text("a of 1")
    (folder / "b.py").write_text("b of 1")
    (folder / "notes.txt").write_text("no DAG")
    monkeypatch.setattr(dag_files, "packaged_folder", lambda: folder)
    return folder


def test_in_a_checkout_they_are_the_files_of_the_checkout() -> None:
    assert packaged_folder() == ROOT / "dags"


def test_in_an_installation_they_are_those_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "llmbatch" / "dags").mkdir(parents=True)
    monkeypatch.setattr("llmbatch.__file__", str(tmp_path / "llmbatch" / "__init__.py"))
    assert packaged_folder() == tmp_path / "llmbatch" / "dags"


def test_what_nobody_has_changed_follows_the_version(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    assert install(folder) == Installed(written=("a.py", "b.py"))
    assert install(folder) == Installed(unchanged=("a.py", "b.py"))
    (package / "a.py").write_text("a of 2")
    (package / "b.py").unlink()
    (package / "c.py").write_text("c of 2")
    assert install(folder) == Installed(written=("a.py", "c.py"), removed=("b.py",))
    assert {path.name: path.read_text() for path in folder.glob("*.py")} == {"a.py": "a of 2", "c.py": "c of 2"}
    assert [path.name for path in folder.iterdir() if path.suffix == ".part"] == []


def test_one_changed_file_stops_all(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    install(folder)
    (package / "b.py").write_text("b of 2")
    (folder / "a.py").write_text("mine")
    (folder / "b.py").unlink()
    with pytest.raises(ChangedCopiesError) as caught:
        install(folder)
    assert (caught.value.names, (folder / "b.py").exists()) == (("a.py",), False)
    assert install(folder, force=True) == Installed(written=("a.py", "b.py"))


def test_a_file_of_another_hand_is_a_changed_one_unless_it_is_the_same(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "a.py").write_text("a of 1")
    (folder / "b.py").write_text("b of an older copy")
    with pytest.raises(ChangedCopiesError, match=r"b\.py"):
        install(folder)


def test_a_changed_file_of_an_older_version_is_left(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    install(folder)
    (folder / "b.py").write_text("mine")
    (package / "b.py").unlink()
    assert install(folder) == Installed(unchanged=("a.py",))
    assert (folder / "b.py").read_text() == "mine"


@pytest.mark.parametrize("notes", ["", "[]", "{", '{"../other.py": "0"}'])
def test_damaged_notes_remove_nothing(package: Path, tmp_path: Path, notes: str) -> None:
    folder, other = tmp_path / "dags", tmp_path / "other.py"
    install(folder)
    other.write_text("")
    text = notes.replace('"0"', json.dumps(dag_files._hash(b"")))
    (folder / NOTES).write_text(text)
    assert install(folder) == Installed(unchanged=("a.py", "b.py"))
    assert other.exists()


def test_a_folder_that_cannot_be_read_is_named(package: Path, tmp_path: Path) -> None:
    (tmp_path / "dags" / "a.py").mkdir(parents=True)
    with pytest.raises(FolderError, match=r"dags/a\.py"):
        install(tmp_path / "dags")
