"""Inboxes that would start jobs from outputs, or whose jobs would all be refused, are errors of config.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmbatch.core.config import load_config
from llmbatch.core.drop_settings import DropConfig, InboxConfig, request_values
from llmbatch.core.errors import ConfigError, RequestError

HEAD = "default_model: a\nmodels:\n  a: {uri: 'bundled:x'}\nstore: {base_uri: s3://b/llmbatch}\n"


def test_done_and_failed_are_beside_the_inbox():
    inbox = InboxConfig(uri="s3://b/team/inbox/")
    assert (inbox.uri, inbox.done, inbox.failed) == ("s3://b/team/inbox", "s3://b/team/done", "s3://b/team/failed")


@pytest.mark.parametrize(
    ("inboxes", "words"),
    [
        ("[{uri: s3://b}]", "inbox s3://b overlaps done s3://b/done"),
        ("[{uri: s3://b/in}, {uri: s3://b/in/x}]", "overlaps"),
        ("[{uri: s3://b/in, done: s3://b/in/done}]", "overlaps done s3://b/in/done"),
        ("[{uri: s3://b/in, failed: s3://b/in}]", "overlaps failed s3://b/in"),
        ("[{uri: s3://b/llmbatch/in}]", "overlaps store.base_uri"),
        ("[{uri: s3://b/in, defaults: {output_uri: s3://b/in/out}}]", "overlaps its default output_uri"),
        ("[{uri: s3://other/in}]", "outside of store.allowed_inputs (s3://b)"),
        ("[{uri: s3://b/in, defaults: {sla_hour: 6}}]", "did you mean 'sla_hours'"),
        ("[{uri: s3://b/in, defaults: {input_uri: s3://b/x}}]", "input_uri: cannot be set"),
        ("[{uri: b/in}]", "not an address"),
        ("[{url: s3://b/in}]", "unknown key"),
    ],
)
def test_bad_inboxes_are_refused(tmp_path: Path, inboxes: str, words: str):
    path = tmp_path / "config.yaml"
    path.write_text(f"{HEAD}drop: {{inbox: {inboxes}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert words.lower() in str(caught.value).lower()
    assert str(path) in str(caught.value)


def test_inboxes_beside_each_other_are_good(tmp_path: Path):
    path = tmp_path / "config.yaml"
    path.write_text(f"{HEAD}drop: {{inbox: [{{uri: s3://b/in}}, {{uri: s3://b/in2, defaults: {{sla_hours: 6}}}}]}}\n")
    assert [inbox.uri for inbox in load_config(path).drop.inbox] == ["s3://b/in", "s3://b/in2"]


@pytest.mark.parametrize(
    ("uri", "inbox"), [("s3://b/in/x", "s3://b/in"), ("s3://b", "s3://b/in"), ("s3://b/in2", None), ("s3://c/in", None)]
)
def test_the_inbox_over_an_output_is_found(uri: str, inbox: str | None):
    assert DropConfig(inbox=(InboxConfig(uri="s3://b/in"),)).inbox_over(uri) == inbox


@pytest.mark.parametrize("name", ["input_uri", "retry_failed_of", "idempotency_key", "dry_run"])
def test_fields_that_the_drop_folder_sets_are_refused(name: str):
    with pytest.raises(RequestError, match=name):
        request_values({}, {name: True}, "s3://b/in/a")


def test_options_go_over_defaults_field_by_field():
    found = request_values(
        {"sampling": {"seed": 1, "top_k": 1}, "sla_hours": 1}, {"sampling": {"seed": 2}}, "s3://b/in/a"
    )
    assert found == {"sampling": {"seed": 2, "top_k": 1}, "sla_hours": 1, "input_uri": "s3://b/in/a"}


def test_a_synonym_of_the_sla_replaces_the_default():
    assert "sla_hours" not in request_values({"sla_hours": 1}, {"completion_window": "2h"}, "s3://b/in/a")


def test_the_page_s_configuration_is_valid(tmp_path: Path):
    page = (Path(__file__).parents[3] / "docs" / "drop-folder.md").read_text(encoding="utf-8")
    path = tmp_path / "config.yaml"
    section = page.split("```yaml\n")[1].split("```")[0]
    path.write_text(HEAD.replace("s3://b/llmbatch", "s3://llmbatch/llmbatch") + section)
    first, second = load_config(path).drop.inbox
    assert (first.done, first.failed) == ("s3://llmbatch/done", "s3://llmbatch/failed")
    assert (second.done, second.failed) == ("s3://llmbatch/archive/team-a", "s3://llmbatch/archive/team-a-failed")
