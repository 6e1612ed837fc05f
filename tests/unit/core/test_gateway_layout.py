"""Addresses of what the HTTP API keeps."""

from __future__ import annotations

from llmbatch.core.gateway_layout import (
    all_batches_uri,
    all_files_uri,
    batches_shown_uri,
    batches_uri,
    files_uri,
    gateway_uri,
    keys_uri,
    service_uri,
)


def test_what_the_api_keeps_of_a_user_hides_the_name_and_is_apart_from_other_users():
    folders = [make("s3://b/p", owner) for make in (files_uri, batches_uri) for owner in ("ada", "bob", "ada/")]
    assert len({*folders}) == 6
    assert all(one.startswith(gateway_uri("s3://b/p")) and one.endswith("/") and "ada" not in one for one in folders)


def test_the_state_of_the_service_is_beside_the_jobs() -> None:
    assert service_uri("s3://b/p/") == "s3://b/p/service.json"


def test_each_kind_has_its_folder_with_those_of_the_users_inside() -> None:
    base = "s3://b/p/"
    assert files_uri(base, "ada").startswith(all_files_uri(base))
    assert batches_uri(base, "ada").startswith(all_batches_uri(base))
    folders = {all_files_uri(base), all_batches_uri(base), batches_shown_uri(base), keys_uri(base)}
    assert folders == {f"s3://b/p/gateway/{name}/" for name in ("files", "batches", "batches-shown", "keys")}
