"""The requirements of the wheel are those of requirements.txt, and nothing is pinned twice."""

from __future__ import annotations

import email.parser
from collections import defaultdict
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from llmbatch.version import VERSION
from wheel_metadata import BASE, CLI, ROOMS, named, names_of, pins_of

ROOT = Path(__file__).parents[3]
PINS = pins_of((ROOT / "requirements.txt").read_text(encoding="utf-8"))


def locked(name: str) -> dict[str, Version]:
    lines = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(";")[0].rstrip(" \\").split("==") for line in lines if "==" in line and line[0].isalnum()]
    return {pair[0].partition("[")[0].lower().replace("_", "-"): Version(pair[1]) for pair in pairs}


@pytest.fixture(scope="module")
def required(site: Path) -> dict[str, dict[str, Requirement]]:
    """Return what the built wheel requires, by extra ('' is none) and package."""
    text = (site / f"llmbatch-{VERSION}.dist-info" / "METADATA").read_text(encoding="utf-8")
    found: dict[str, dict[str, Requirement]] = defaultdict(dict)
    for line in email.parser.Parser().parsestr(text).get_all("Requires-Dist", []):
        one = Requirement(line)
        extra = str(one.marker).split('"')[1] if one.marker else ""
        found[extra][one.name.lower()] = one
    return found


def test_an_extra_names_what_its_room_names(required: dict[str, dict[str, Requirement]]) -> None:
    wanted = {extra: {name.lower() for name in names_of(ROOT / "requirements" / file)} for extra, file in ROOMS.items()}
    wanted |= {"": {name.lower() for name in BASE}, "cli": set(CLI)}
    assert {extra: set(found) for extra, found in required.items()} == wanted


def test_all_that_was_tested_together_is_allowed(required: dict[str, dict[str, Requirement]]) -> None:
    for extra, lock in (
        ("", "airflow"),
        ("", "ray-gpu"),
        ("airflow", "airflow"),
        ("cli", "airflow"),
        ("ray", "ray-gpu"),
    ):
        versions = locked(lock)
        refused = {name: one for name, one in required[extra].items() if not one.specifier.contains(versions[name])}
        assert refused == {}, (extra, lock)


def test_ray_and_vllm_are_exact_and_airflow_stays_below_its_next_minor(
    required: dict[str, dict[str, Requirement]],
) -> None:
    exact = {name for name, one in required["ray"].items() if str(one.specifier).startswith("==")}
    assert (exact, required["ray"]["ray"].extras) == ({"ray", "vllm"}, {"data", "default"})
    assert str(required["airflow"]["apache-airflow"].specifier) == "<3.4,>=3.3.2"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("ray[data,default]==2.60.0", "ray[data,default]==2.60.0"),
        ("apache-airflow[statsd]==3.3.2", "apache-airflow[statsd]>=3.3.2,<3.4"),
        ("fastapi==0.136.3", "fastapi>=0.136,<1"),
        ("PyYAML==6.0.3", "PyYAML>=6.0,<7"),
    ],
)
def test_how_a_pin_is_loosened(line: str, wanted: str) -> None:
    assert list(pins_of(f"# a comment\n{line}\n").values()) == [wanted]


def test_names_are_read_without_options_and_extras(tmp_path: Path) -> None:
    (tmp_path / "x.in").write_text("# words\n-c ../requirements.txt\nray[data]\n\ntorch==2.13.0+cpu\nboto3\n")
    assert names_of(tmp_path / "x.in") == ["ray", "torch", "boto3"]


def test_a_package_without_a_pin_is_an_error() -> None:
    with pytest.raises(KeyError):
        named(PINS, ["torch"])
