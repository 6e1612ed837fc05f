"""Both Dockerfiles of the repository, built on stand-ins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from containers.engine import Engine
from containers.stand_ins import StandIns
from llmbatch.version import VERSION
from llmbatch_stack.settings import load

_BASE = re.compile(r"^ARG BASE_IMAGE=(\S+)$", re.MULTILINE)
_BUILD_SECONDS = 3600


@dataclass(frozen=True)
class Images:
    """Names of the two images in the engine."""

    airflow: str
    ray: str

    @classmethod
    def build(cls, engine: Engine, stand_ins: StandIns) -> Images:
        """Build both, Ray's for CPUs; the machine's own network brings their packages."""
        made = cls(f"llmbatch-airflow:{VERSION}", f"llmbatch-ray:{VERSION}-cpu")
        repo = load().repo
        for tag, file, arguments in (
            (made.airflow, repo / "Dockerfile", ()),
            (
                made.ray,
                repo / "deploy" / "ray" / "Dockerfile",
                ("LOCK=ray-cpu", "TORCH_CPU_INDEX=", "BUNDLED_MODELS=1"),
            ),
        ):
            _build(engine, stand_ins, tag, file, ("VERSION=" + VERSION, "UV_FIND_LINKS=/opt/wheels", *arguments))
        return made

    def tagged(self, version: str) -> tuple[tuple[str, str], ...]:
        """Return both images with the names that they would have in another version."""
        return tuple((image, image.replace(f":{VERSION}", f":{version}")) for image in (self.airflow, self.ray))


def _build(engine: Engine, stand_ins: StandIns, tag: str, file: Path, arguments: tuple[str, ...]) -> None:
    (base,) = set(_BASE.findall(file.read_text()))
    assert stand_ins.make(base), f"there is no stand-in for {base}"
    options = [word for argument in arguments for word in ("--build-arg", argument)]
    repo = load().repo
    engine.docker(
        "build", "--network=host", "--pull=false", "--file", str(file), "--tag", tag, *options, str(repo),
        timeout_s=_BUILD_SECONDS,
    )  # fmt: skip


def size_mib(engine: Engine, image: str) -> int:
    """Return the size of an image with all layers below it, in MiB."""
    return int(str(engine.inspect(image)["Size"])) // 2**20
