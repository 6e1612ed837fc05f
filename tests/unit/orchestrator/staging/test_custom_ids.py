"""The first use of each custom_id is stored."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmbatch.orchestrator.staging.custom_ids import CustomIds


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3)))
def test_custom_ids_behave_like_a_dictionary(names: list[str]) -> None:
    seen: dict[str, str] = {}
    with CustomIds() as ids:
        for index, name in enumerate(names):
            assert ids.first_use(name, str(index)) == seen.get(name)
            seen.setdefault(name, str(index))
