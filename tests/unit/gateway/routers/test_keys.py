"""Routes of API keys."""

from __future__ import annotations

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from llmbatch.gateway.routers.keys import KeyRequest


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway(admins=("root",), gateway={"key_days": 30, "requests_per_minute": 50})


def made(gateway: FakeGateway, user: str = "ann", **fields: object) -> dict[str, str]:
    answer = gateway.client.post("/keys", json={"name": "n", **fields}, headers=gateway.as_user(user))
    assert answer.status_code == 201, answer.text
    body: dict[str, str] = answer.json()
    return body


def with_key(key: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key['key']}"}


def listed(gateway: FakeGateway, user: str, query: str = "") -> list[str]:
    keys = gateway.client.get(f"/keys{query}", headers=gateway.as_user(user)).json()["keys"]
    return [one["key_id"] for one in keys]


def test_a_key_is_shown_once(gateway: FakeGateway) -> None:
    key = made(gateway)
    assert key["key"].startswith(f"llmb_{key['key_id']}_")
    assert (key["user"], key["expires_at"][:10], key["requests_per_minute"]) == ("ann", "2030-01-31", 50)
    shown = gateway.client.get("/keys", headers=gateway.as_user("ann")).text
    assert key["key_id"] in shown
    assert key["key"].rpartition("_")[2] not in shown


def test_a_key_works_and_stops_working(gateway: FakeGateway) -> None:
    key = made(gateway)
    assert gateway.client.get("/keys", headers=with_key(key)).status_code == 200
    answer = gateway.client.delete(f"/keys/{key['key_id']}", headers=gateway.as_user("ann"))
    assert (answer.status_code, answer.json()) == (200, {"key_id": key["key_id"], "revoked": True})
    assert gateway.client.get("/keys", headers=with_key(key)).status_code == 401


def test_a_key_cannot_make_keys_but_can_end_itself(gateway: FakeGateway) -> None:
    key = made(gateway)
    answer = gateway.client.post("/keys", json={"name": "n"}, headers=with_key(key))
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")
    assert gateway.client.delete(f"/keys/{key['key_id']}", headers=with_key(key)).status_code == 200


def test_its_own_limits(gateway: FakeGateway) -> None:
    key = made(gateway, days=2, requests_per_minute=3)
    assert key["expires_at"][:10] == "2030-01-03"
    assert [gateway.client.get("/keys", headers=with_key(key)).status_code for _ in range(4)] == [200] * 3 + [429]


@pytest.mark.parametrize(
    "fields",
    [{"days": 31}, {"days": 0}, {"requests_per_minute": 51}, {"requests_per_minute": 0}, {"name": ""},
     {"name": "x" * 101}, {"name": "a\nb"}, {"user": "bob"}],
)  # fmt: skip
def test_wrong_requests(gateway: FakeGateway, fields: dict[str, object]) -> None:
    answer = gateway.client.post("/keys", json={"name": "n", **fields}, headers=gateway.as_user("ann"))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(fields)))


def test_each_user_sees_own_keys_and_an_admin_all(gateway: FakeGateway) -> None:
    ann, bob = made(gateway, "ann")["key_id"], made(gateway, "bob")["key_id"]
    assert (listed(gateway, "ann"), listed(gateway, "bob")) == ([ann], [bob])
    assert set(listed(gateway, "root")) == {ann, bob}
    assert listed(gateway, "root", "?user=bob") == [bob]
    assert listed(gateway, "bob", "?user=bob") == [bob]
    assert gateway.client.get("/keys?user=bob", headers=gateway.as_user("ann")).status_code == 403


def test_the_newest_key_is_first(gateway: FakeGateway) -> None:
    first = made(gateway)["key_id"]
    gateway.clock.advance(1)
    second = made(gateway)["key_id"]
    assert listed(gateway, "ann") == [second, first]


def test_only_the_owner_or_an_admin_revokes(gateway: FakeGateway) -> None:
    key_id = made(gateway, "ann")["key_id"]
    other = gateway.client.delete(f"/keys/{key_id}", headers=gateway.as_user("bob"))
    assert (other.status_code, other.json()["error"]["code"]) == (404, "key_not_found")
    assert gateway.client.delete(f"/keys/{key_id}", headers=gateway.as_user("root")).status_code == 200
    assert gateway.client.delete(f"/keys/{key_id}", headers=gateway.as_user("root")).status_code == 404


@pytest.mark.parametrize("key_id", ["x", "..%2Fx", "0" * 15, "0" * 17])
def test_an_id_that_is_none(gateway: FakeGateway, key_id: str) -> None:
    assert gateway.client.delete(f"/keys/{key_id}", headers=gateway.as_user("ann")).status_code in {400, 404}


def test_an_expired_key_is_listed_as_one(gateway: FakeGateway) -> None:
    made(gateway, days=1)
    gateway.clock.advance(86_400)
    assert gateway.client.get("/keys", headers=gateway.as_user("ann")).json()["keys"][0]["expired"] is True


def test_examples_are_valid() -> None:
    for example in KeyRequest.model_json_schema()["examples"]:
        KeyRequest.model_validate(example)
