"""The requirements of the wheel, made from those of the repository: pins are in requirements.txt only.

The wheel goes into environments that have other packages. So it names exactly only Ray and vLLM, which must be the same
on every node; of Airflow it takes the same minor version, and of any other package the same major version from the
tested minor version on. `requirements/*.lock` are the versions that were tested together: use them as constraints.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

BASE = ("pydantic", "PyYAML")
"""What `llmbatch.core` needs, and so everything else."""
CLI = ("httpx", "rich", "typer")
ROOMS = {"airflow": "airflow.in", "ray": "ray-gpu.in"}
"""The file of each extra that is a whole room."""
EXACT = {"ray", "vllm"}
SAME_MINOR = {"apache-airflow"}

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^\]]*\])?==(?P<version>[0-9][0-9.]*)")


class MetadataHook(MetadataHookInterface):
    """Fills in what pyproject.toml calls dynamic."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, object]) -> None:
        """Set dependencies and extras."""
        root = Path(self.root)
        pins = pins_of((root / "requirements.txt").read_text(encoding="utf-8"))
        metadata["dependencies"] = named(pins, BASE)
        metadata["optional-dependencies"] = {
            "cli": named(pins, CLI),
            **{extra: named(pins, names_of(root / "requirements" / file)) for extra, file in ROOMS.items()},
        }


def pins_of(text: str) -> dict[str, str]:
    r"""Return the requirement of the wheel for each package that is pinned, by its name in lower case.

    >>> pins_of("ray[data]==2.60.0\napache-airflow==3.3.2\nboto3==1.44.5")
    {'ray': 'ray[data]==2.60.0', 'apache-airflow': 'apache-airflow>=3.3.2,<3.4', 'boto3': 'boto3>=1.44,<2'}
    """
    return {found["name"].lower(): _loosened(found) for found in map(_PIN.match, text.splitlines()) if found}


def names_of(path: Path) -> list[str]:
    """Return the packages that an `.in` file names, without their extras, comments and options."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [re.split(r"[\[<>=;]", line)[0] for line in lines if line and not line.startswith(("#", "-"))]


def named(pins: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """Return the requirements of some packages.

    Raises:
        KeyError: requirements.txt does not pin one.
    """
    return [pins[name.lower()] for name in names]


def _loosened(found: re.Match[str]) -> str:
    name, version = found["name"], found["version"]
    if name in EXACT:
        return found[0]
    major, minor, *_ = version.split(".")
    lowest, too_high = f"{major}.{minor}", str(int(major) + 1)
    if name in SAME_MINOR:
        lowest, too_high = version, f"{major}.{int(minor) + 1}"
    return f"{name}{found['extras'] or ''}>={lowest},<{too_high}"
