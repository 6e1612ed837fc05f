"""Addresses of what the HTTP API keeps."""

from __future__ import annotations

from llmbatch.core.gateway_layout import batches_uri, files_uri, gateway_uri, service_uri


def test_what_the_api_keeps_of_a_user_hides_the_name_and_is_apart_from_other_users():
    folders = [make("s3://b/p", owner) for make in (files_uri, batches_uri) for owner in ("ada", "bob", "ada/")]
    assert len({*folders}) == 6
    assert all(one.startswith(gateway_uri("s3://b/p")) and one.endswith("/") and "ada" not in one for one in folders)


def test_the_state_of_the_service_is_beside_the_jobs() -> None:
    assert service_uri("s3://b/p/") == "s3://b/p/service.json"
