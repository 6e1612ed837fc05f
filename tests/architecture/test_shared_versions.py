"""The rooms have the same release of each library that ``core`` and ``s3`` use, so their tests run in one only."""

from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
LIBRARIES = ("boto3", "botocore", "pyarrow", "pydantic", "pydantic-core", "pyyaml", "urllib3", "zstandard")
ROOMS = ("airflow", "local-airflow", "local-ray", "ray-cpu", "ray-gpu")


@pytest.mark.parametrize("library", LIBRARIES)
def test_one_release_in_all_rooms(library: str) -> None:
    found = {room: release(REQUIREMENTS / f"{room}.lock", library) for room in ROOMS}
    assert len(set(found.values())) == 1, found
    assert None not in found.values(), f"{library} is not in {found}"


def release(lock: Path, library: str) -> str | None:
    lines = lock.read_text().splitlines()
    pins = [line.split("==")[1].split()[0] for line in lines if line.startswith(f"{library}==")]
    return pins[0] if pins else None
