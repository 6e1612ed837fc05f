from __future__ import annotations

from llmbatch.gateway.wire.answer import Answer

ANSWER = Answer(b"{}", "application/json", {"X-A": "b"})


def test_a_client_that_has_the_bytes_gets_304() -> None:
    first = ANSWER.to(None)
    assert (first.status_code, first.body, first.headers["x-a"]) == (200, b"{}", "b")
    etag = first.headers["etag"]
    for known in (etag, f'"x", W/{etag}', "*"):
        again = ANSWER.to(known)
        assert (again.status_code, again.body, again.headers["etag"]) == (304, b"", etag)
    assert ANSWER.to('"x"').status_code == 200


def test_other_bytes_have_another_etag() -> None:
    assert Answer(b"[]", "application/json").etag != ANSWER.etag
