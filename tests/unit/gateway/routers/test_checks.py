from __future__ import annotations

from fakes.gateway import fake_gateway


def test_a_reader_gets_the_checks_and_others_do_not() -> None:
    gateway = fake_gateway()
    answer = gateway.client.get("/checks", headers=gateway.as_user("ann", "viewer"))
    assert answer.status_code == 200
    assert {"name", "state", "text"} == set(answer.json()["checks"][0])
    assert gateway.client.get("/checks").status_code == 401
    assert gateway.client.get("/checks", headers={"Authorization": "Bearer x"}).status_code == 401
