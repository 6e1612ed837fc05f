"""``/ui/static`` and the icon."""

from __future__ import annotations

import gzip

import httpx
import pytest

from fakes.gateway import FakeGateway, fake_gateway
from llmbatch.gateway.pages.assets import PLOTLY, load_assets


@pytest.fixture(scope="module")
def gateway() -> FakeGateway:
    return fake_gateway()


def get(gateway: FakeGateway, path: str, encoding: str = "gzip") -> httpx.Response:
    headers = {**gateway.as_user("ann", "viewer"), "Accept-Encoding": encoding}
    return gateway.client.get(path, headers=headers)


def path_of(name: str) -> str:
    return f"/ui/static/{load_assets().digest}/{name}"


@pytest.mark.parametrize("name", ["page.js", "style.css", PLOTLY])
def test_a_file_is_sent_compressed_and_kept_for_ever(gateway: FakeGateway, name: str) -> None:
    answer = get(gateway, path_of(name))
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (answer.headers["vary"], answer.headers["x-content-type-options"]) == ("Accept-Encoding", "nosniff")
    assert answer.content == gzip.decompress(load_assets().by_name[name].gzipped)


def test_a_client_that_takes_no_gzip_gets_the_bytes(gateway: FakeGateway) -> None:
    plain = get(gateway, path_of("page.js"), "identity")
    assert "content-encoding" not in plain.headers
    assert plain.content == get(gateway, path_of("page.js")).content


@pytest.mark.parametrize(
    "path",
    [path_of("absent.js"), "/ui/static/0123456789abcdef/page.js", path_of("..%2ftemplates%2fbase.html"),
     path_of("x" * 101), f"/ui/static/{load_assets().digest}"],
)  # fmt: skip
def test_nothing_else_is_there(gateway: FakeGateway, path: str) -> None:
    assert get(gateway, path).status_code in {400, 404}


def test_a_file_of_an_older_release_says_what_to_do(gateway: FakeGateway) -> None:
    error = get(gateway, "/ui/static/0123456789abcdef/page.js").json()["error"]
    assert error["message"] == "There is no such file in this release. Load the page again."


def test_the_icon_has_an_address_that_stays(gateway: FakeGateway) -> None:
    answer = get(gateway, "/ui/icon.svg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.text.startswith("<svg")
    assert answer.headers["cache-control"] == "private, max-age=3600"


@pytest.mark.parametrize("path", ["/ui/icon.svg", path_of("page.js")])
def test_nobody_gets_none(gateway: FakeGateway, path: str) -> None:
    assert gateway.client.get(path).status_code == 401
