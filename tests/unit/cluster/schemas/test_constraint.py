"""What a constraint is called, and where it comes from."""

from __future__ import annotations

from llmbatch.cluster.schemas.constraint import Constraint


def test_a_schema_is_a_constraint_by_its_text() -> None:
    assert Constraint.of_schema({"type": "object"}) == Constraint("json", '{"type": "object"}')


def test_messages_call_it_by_its_name() -> None:
    assert (Constraint("json", "{}").name, Constraint("regex", "a").name) == ("JSON schema", "regular expression")
