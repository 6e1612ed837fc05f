"""API keys as text and as document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from llmbatch.gateway.access.key_document import KeyDocument, digest_of, new_key_id, new_secret, split_key, text_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def document(secret: str) -> KeyDocument:
    return KeyDocument(
        key_id="0" * 16, name="n", user="ann", airflow_user={}, sha256=digest_of(secret), made_at=NOW, expires_at=NOW
    )


def test_a_key_is_its_id_and_256_random_bits() -> None:
    key_id, secret = new_key_id(), new_secret()
    assert split_key(text_of(key_id, secret)) == (key_id, secret)
    assert len(secret) == 43
    assert len({new_secret() for _ in range(100)}) == 100


@pytest.mark.parametrize("text", ["", "llmb_", "sk-x", f"llmb_{'g' * 16}_{'a' * 43}", f"llmb_{'0' * 16}_{'a' * 42}",
                                  f"llmb_{'0' * 16}_{'a' * 43}\n", f"llmb_{'0' * 16}_{'../' * 14}a"])  # fmt: skip
def test_other_texts_are_no_keys(text: str) -> None:
    assert split_key(text) is None


def test_only_its_own_secret_fits() -> None:
    secret = new_secret()
    assert document(secret).fits(secret)
    assert not document(secret).fits(new_secret())


def test_the_secret_is_not_in_the_document() -> None:
    secret = new_secret()
    assert secret not in document(secret).model_dump_json()
    assert digest_of(secret) not in repr(document(secret))


def test_it_expires_at_its_time() -> None:
    assert document("x").is_expired(NOW)
    assert not document("x").is_expired(NOW - timedelta(seconds=1))


def test_a_forged_document_is_refused() -> None:
    with pytest.raises(ValidationError):
        KeyDocument.model_validate({**document("x").model_dump(), "sha256": ""})
