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


def test_the_first_row_of_an_id_is_returned() -> None:
    with CustomIds() as ids:
        assert [ids.first_use(name, row) for name, row in (("a", "1"), ("b", "2"), ("a", "3"), ("a", "4"))] == [
            None, None, "1", "1",
        ]  # fmt: skip
