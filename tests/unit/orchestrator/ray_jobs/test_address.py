from __future__ import annotations

import pytest

from llmbatch.orchestrator.ray_jobs.address import RayAddress


class Connection:
    def __init__(self, host: str | None, port: int | None = None, schema: str | None = None, extra: dict | None = None):
        self.conn_id, self.host, self.port, self.schema = "my_ray", host, port, schema
        self.password: str | None = "secret-token"
        self.extra_dejson = extra or {}


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        (Connection("ray"), "http://ray:8265"),
        (Connection("ray", 1234), "http://ray:1234"),
        (Connection("ray", 1234, "https"), "https://ray:1234"),
        (Connection("ray:99"), "http://ray:99"),
        (Connection("http://ray", 1234), "http://ray:1234"),
        (Connection("https://ray.example.com/"), "https://ray.example.com"),
        (Connection("https://ray.example.com:8443"), "https://ray.example.com:8443"),
    ],
)
def test_address_of_a_connection(connection: Connection, url: str) -> None:
    address = RayAddress.of_connection(connection)
    assert address.url == url
    assert address.headers == {"Authorization": "Bearer secret-token"}
    assert "secret-token" not in repr(address)


def test_dashboard_of_people_may_differ_from_that_of_workers() -> None:
    address = RayAddress.of_connection(Connection("ray", extra={"dashboard_url": "https://public/ray/"}))
    assert address.dashboard_of("a-g1") == "https://public/ray/#/jobs/a-g1"


def test_a_connection_without_host_says_so() -> None:
    with pytest.raises(ValueError, match=r"my_ray.*no host"):
        RayAddress.of_connection(Connection(None))


@pytest.mark.parametrize(("password", "token"), [(" abc\n", "abc"), ("\n", None), (None, None)])
def test_a_token_of_a_file_ends_before_its_line_break(password: str | None, token: str | None) -> None:
    connection = Connection("ray")
    connection.password = password
    assert RayAddress.of_connection(connection).token == token


@pytest.mark.parametrize("password", ["secret\ntoken", "secrét", "secret\x7f"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_shown(password: str) -> None:
    connection = Connection("ray")
    connection.password = password
    with pytest.raises(ValueError, match=r"my_ray.*RAY_AUTH_TOKEN") as caught:
        RayAddress.of_connection(connection)
    assert "secr" not in str(caught.value)
