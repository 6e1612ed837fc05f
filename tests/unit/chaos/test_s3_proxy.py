"""The proxy does exactly what it was told to, and sends every request to the server at most once."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator

import pytest

from chaos.exchange import Answer, Exchange, ExchangeServer
from chaos.fault import Effect, Fault, Match
from chaos.s3_proxy import Hold, S3Proxy
from llmbatch.core.clock import ManualClock

BODY = b"0123456789" * 10
LISTING = b"<R><Contents><Key>jobs/a</Key></Contents><Contents><Key>jobs/b</Key></Contents></R>"


class Upstream:
    """An object store that only notes what it was asked, and the Host it was asked under."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.hosts: set[str] = set()
        self.server = ExchangeServer(0, self.serve)
        self.port = int(self.server.server_address[1])

    def serve(self, exchange: Exchange) -> None:
        self.seen.append((exchange.command, exchange.request_seen.key))
        self.hosts.add(exchange.headers["Host"])
        body = LISTING if exchange.request_seen.is_listing else BODY
        exchange.send(Answer(200, "OK", (("ETag", '"e"'),), body))


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    thread = threading.Thread(target=upstream.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield upstream
    upstream.server.shutdown()
    upstream.server.server_close()
    thread.join()


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[S3Proxy]:
    with S3Proxy(0, upstream.port) as proxy:
        yield proxy
        assert proxy.errors == []


def ask(proxy: S3Proxy, method: str = "GET", path: str = "/bucket/jobs/a") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=60)
    try:
        connection.request(method, path, body=b"x" if method == "PUT" else None)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_without_faults_everything_passes_under_the_clients_host(proxy: S3Proxy, upstream: Upstream):
    assert ask(proxy) == (200, BODY)
    assert ask(proxy, "PUT")[0] == 200
    assert ask(proxy, "HEAD") == (200, b"")
    assert upstream.hosts == {proxy.url.removeprefix("http://")}
    assert [write.key for write in proxy.writes("jobs/")] == ["jobs/a"]


def test_a_silent_store_answers_nothing_and_does_nothing(proxy: S3Proxy, upstream: Upstream):
    proxy.inject(Fault(Effect.SILENCE, Match("PUT"), count=1, amount=0.3))
    began = time.monotonic()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(proxy, "PUT")
    assert time.monotonic() - began >= 0.3
    assert upstream.seen == []
    assert ask(proxy, "PUT")[0] == 200


def test_refusal_is_counted_and_does_not_reach_the_server(proxy: S3Proxy, upstream: Upstream):
    proxy.inject(Fault(Effect.REFUSE, Match("PUT"), count=2))
    status, body = ask(proxy, "PUT")
    assert (status, b"<Code>SlowDown</Code>" in body) == (503, True)
    assert ask(proxy)[0] == 200
    assert ask(proxy, "PUT")[0] == 503
    assert ask(proxy, "PUT")[0] == 200
    assert upstream.seen == [("GET", "jobs/a"), ("PUT", "jobs/a")]


@pytest.mark.parametrize(("effect", "reached"), [(Effect.CUT_BEFORE, 0), (Effect.CUT_AFTER, 1)])
def test_cut_connection(proxy: S3Proxy, upstream: Upstream, effect: Effect, reached: int):
    proxy.inject(Fault(effect, count=1))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(proxy, "PUT")
    assert len(upstream.seen) == reached
    assert len(proxy.writes("")) == reached
    assert ask(proxy)[0] == 200


def test_half_a_body(proxy: S3Proxy):
    proxy.inject(Fault(Effect.CUT_BODY, count=1))
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(proxy)
    assert len(caught.value.partial) == len(BODY) // 2


@pytest.mark.parametrize(("effect", "amount"), [(Effect.DELAY, 0.3), (Effect.THROTTLE, 300)])
def test_slow_ways_take_their_time(proxy: S3Proxy, effect: Effect, amount: float):
    proxy.inject(Fault(effect, amount=amount))
    began = time.monotonic()
    assert ask(proxy) == (200, BODY)
    assert time.monotonic() - began >= 0.3


def test_outage_ends_when_its_time_is_up(upstream: Upstream):
    clock = ManualClock()
    with S3Proxy(0, upstream.port, clock) as proxy:
        proxy.inject(Fault(Effect.CUT_BEFORE, seconds=6))
        for _ in range(2):
            with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
                ask(proxy)
            clock.advance(3)
        clock.advance(0.1)
        assert ask(proxy)[0] == 200


def test_newest_objects_are_hidden_from_listings_only(proxy: S3Proxy):
    listing = "/bucket?list-type=2&prefix=jobs"
    for key in "ab":
        ask(proxy, "PUT", f"/bucket/jobs/{key}")
    proxy.inject(Fault(Effect.HIDE_NEWEST, amount=1))
    assert ask(proxy, path=listing)[1] == LISTING.replace(b"<Contents><Key>jobs/b</Key></Contents>", b"")
    assert ask(proxy, path="/bucket/jobs/b") == (200, BODY)
    proxy.reset()
    assert ask(proxy, path=listing)[1] == LISTING


@pytest.mark.parametrize(("hold", "reached"), [(Hold.BEFORE_SERVER, 1), (Hold.BEFORE_ANSWER, 2)])
def test_trap_holds_the_nth_request(proxy: S3Proxy, upstream: Upstream, hold: Hold, reached: int):
    seen_by_action: list[int] = []
    trap = proxy.trap(Match("PUT", "jobs/"), lambda: seen_by_action.append(len(upstream.seen)), nth=2, hold=hold)
    ask(proxy, "PUT")
    assert not trap.sprung.is_set()
    ask(proxy, "PUT")
    ask(proxy, "PUT")
    assert seen_by_action == [reached]
    assert trap.sprung.is_set()


def test_fault_that_a_trap_sets_hits_the_trapped_request(proxy: S3Proxy, upstream: Upstream):
    proxy.trap(Match("PUT"), lambda: proxy.inject(Fault(Effect.REFUSE, count=1)), hold=Hold.BEFORE_SERVER)
    assert ask(proxy, "PUT")[0] == 503
    assert upstream.seen == []


def test_failed_action_is_kept_for_the_judge(proxy: S3Proxy):
    def fail() -> None:
        raise LookupError("no victim")

    trap = proxy.trap(Match(), fail, hold=Hold.BEFORE_SERVER)
    assert ask(proxy)[0] == 200
    assert isinstance(trap.error, LookupError)


def test_dead_server_is_a_cut_connection():
    with S3Proxy(0, 1) as proxy, pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(proxy)
