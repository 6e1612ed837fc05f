"""Entry of `make sbom`: write the bill of materials of each image (CycloneDX, JSON) to `.llmbatch/sbom`.

It lists the Python packages of the image's locks, with the hashes of their files. The same locks give the same file.
The packages of the base image are not in it: see docs/images.md. Standard library only.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from llmbatch_stack.install.command import InstallError, run
from llmbatch_stack.install.room import Room
from llmbatch_stack.install.rooms import make_room, one_at_a_time
from llmbatch_stack.install.uv import ready
from llmbatch_stack.settings import Settings, SettingsError, load

LOCKS: Mapping[str, tuple[str, ...]] = {
    "llmbatch-airflow": ("image-airflow",),
    "llmbatch-ray-gpu": ("ray-gpu",),
    "llmbatch-ray-cpu": ("ray-cpu", "image-models"),
}
"""The locks from which each image is made."""

_VERSION = "1.6"


def write(settings: Settings, room: Room, image: str, version: str) -> Path:
    """Write the bill of one image and return its file.

    Raises:
        InstallError: the program failed.
    """
    folder = settings.state / "sbom"
    folder.mkdir(parents=True, exist_ok=True)
    requirements = folder / f"{image}.txt"
    locks = [settings.repo / "requirements" / f"{name}.lock" for name in LOCKS[image]]
    requirements.write_text("".join(lock.read_text() for lock in locks))
    options = ["--spec-version", _VERSION, "--output-format", "JSON", "--output-reproducible", "--output-file", "-"]
    text = run(room.log, [str(room.python), "-m", "cyclonedx_py", "requirements", *options, str(requirements)])
    requirements.unlink()
    bill = json.loads(text)
    bill["metadata"]["component"] = {"bom-ref": image, "type": "container", "name": image, "version": version}
    file = folder / f"{image}.cdx.json"
    file.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n")
    return file


def version_of(repo: Path) -> str:
    """Return the version of this checkout, read as text: this file runs without the packages of the rooms."""
    line = next(line for line in (repo / "include/llmbatch/version.py").read_text().splitlines() if "VERSION =" in line)
    return line.split('"')[1]


def main() -> int:
    """Write the bills of all images; return the exit code."""
    argparse.ArgumentParser(prog="python -m llmbatch_stack.install.sbom", description=__doc__).parse_args()
    try:
        settings = load()
        room = Room(
            name="sbom",
            lock=settings.repo / "requirements" / "image-sbom.lock",
            venv=settings.venv("sbom"),
            log=settings.logs / "sbom.log",
            probe="import cyclonedx_py",
        )
        with one_at_a_time(settings):
            uv = ready(settings)
            if not room.is_finished():
                make_room(room, uv, report=lambda line: print(line, flush=True))
        for image in LOCKS:
            print(write(settings, room, image, version_of(settings.repo)))
    except (InstallError, SettingsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
