from __future__ import annotations

from pathlib import Path

from llmbatch.provider.dag_bundle import PackagedDags

ROOT = Path(__file__).parents[3]


def test_its_folder_is_that_of_the_package() -> None:
    bundle = PackagedDags(name="llmbatch")
    assert (bundle.path, bundle.name, bundle.get_current_version()) == (ROOT / "dags", "llmbatch", None)
