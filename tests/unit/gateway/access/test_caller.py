"""The user behind a request."""

from __future__ import annotations

from llmbatch.gateway.access.caller import Caller


def test_answers_are_for_their_owner_and_admins() -> None:
    ann, root = Caller("ann", "Bearer x"), Caller("root", "Bearer x", is_admin=True)
    assert [ann.may_read_answers(owner) for owner in ("ann", "bob", "")] == [True, False, False]
    assert all(root.may_read_answers(owner) for owner in ("ann", "bob", ""))
    assert not Caller("", "Bearer x").may_read_answers("")


def test_a_caller_does_not_show_its_token() -> None:
    assert "secret" not in repr(Caller("ann", "Bearer secret"))
