"""The policies: they decide as the table does, whatever the allowed prefixes hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakes.s3_policy import is_allowed
from llmbatch.core.access import PLACES, Operation, Place, Side
from llmbatch.core.access_policy import EVERYWHERE, Addresses, policy_of
from llmbatch.core.config import Config

BASE = "s3://bucket/base"
BUCKET = Addresses(BASE, ("s3://bucket",), ("s3://bucket",))
APART = Addresses(
    BASE,
    inputs=("s3://bucket/in", "s3://prompts"),
    outputs=("s3://bucket/out",),
    inboxes=("s3://bucket/inbox",),
    moved=("s3://bucket/done", "s3://bucket/failed"),
    models=("s3://models/large",),
)
ANYWHERE = Addresses(BASE, (EVERYWHERE,), (EVERYWHERE,))
ACTION = {Operation.READ: "s3:GetObject", Operation.WRITE: "s3:PutObject", Operation.DELETE: "s3:DeleteObject"}
MANAGED_POLICY_CHARS = 6144
"""The most that AWS takes, spaces not counted."""
CASES = [(side, operation, place) for side in Side for operation in Operation for place in PLACES]


@pytest.mark.parametrize("addresses", [BUCKET, APART, ANYWHERE], ids=["bucket", "apart", "anywhere"])
@pytest.mark.parametrize(("side", "operation", "place"), CASES, ids=lambda value: getattr(value, "pattern", value))
def test_the_policy_decides_as_the_table(
    addresses: Addresses, side: Side, operation: Operation, place: Place
) -> None:
    key = place.pattern.replace("?" * 16, "0123456789abcdef").replace("*", "x/y")
    allowed = is_allowed(policy_of(side, addresses), ACTION[operation], f"arn:aws:s3:::bucket/base/{key}")
    assert allowed == (operation in place.rights_of(side))


@pytest.mark.parametrize(
    ("uri", "airflow", "ray"),
    [
        ("bucket/in/rows.jsonl", "read", "read"),
        ("bucket/in", "read", "read"),
        ("bucket/input2/rows.jsonl", "", ""),
        ("prompts/a/b.png", "read", "read"),
        ("bucket/out/job-1/output.jsonl", "read write delete", ""),
        ("bucket/out/latest.json", "read write delete", ""),
        ("bucket/inbox/rows.jsonl", "read delete", ""),
        ("bucket/done/2026/rows.jsonl", "read write", ""),
        ("bucket/failed/2026/rows.jsonl", "read write", ""),
        ("models/large/config.json", "", "read"),
        ("models/small/config.json", "", ""),
        ("bucket/other", "", ""),
    ],
)
def test_outside_of_the_base(uri: str, airflow: str, ray: str) -> None:
    for side, rights in ((Side.AIRFLOW, airflow), (Side.RAY, ray)):
        policy = policy_of(side, APART)
        found = [each.value for each in Operation if is_allowed(policy, ACTION[each], f"arn:aws:s3:::{uri}")]
        assert found == rights.split()


def test_null_means_all_buckets_but_not_the_base() -> None:
    policy = policy_of(Side.RAY, ANYWHERE)
    assert is_allowed(policy, "s3:GetObject", "arn:aws:s3:::elsewhere/cat.png")
    assert not is_allowed(policy, "s3:GetObject", "arn:aws:s3:::bucket/base/gateway/keys/x.json")
    assert not is_allowed(policy, "s3:PutObject", "arn:aws:s3:::elsewhere/cat.png")


@pytest.mark.parametrize("side", Side)
def test_it_lists_its_buckets_and_no_other(side: Side) -> None:
    policy = policy_of(side, APART)
    listed = {name for name in ("bucket", "prompts", "models", "x")
              if is_allowed(policy, "s3:ListBucket", f"arn:aws:s3:::{name}")}  # fmt: skip
    assert listed == {"bucket", "prompts"} | ({"models"} if side is Side.RAY else set())


def test_the_addresses_are_those_of_the_configuration() -> None:
    config = Config.model_validate(
        {
            "store": {"base_uri": "s3://b/x/", "allowed_inputs": ["s3://in"], "allowed_outputs": None},
            "drop": {"inbox": [{"uri": "s3://in/box", "failed": "s3://in/bad"}]},
            "default_model": "m",
            "models": {"m": {"uri": "s3://b/m", "adapters": {"a": "s3://b/a"}}, "n": {"uri": "org/name"}},
        }
    )
    assert Addresses.of(config) == Addresses(
        "s3://b/x", ("s3://in",), (EVERYWHERE,), ("s3://in/box",), ("s3://in/done", "s3://in/bad"), ("s3://b/m", "s3://b/a")
    )  # fmt: skip


def test_a_name_with_signs_of_patterns_stands_for_itself() -> None:
    policy = policy_of(Side.RAY, Addresses("s3://bucket/a*b$", (), ()))
    assert is_allowed(policy, "s3:GetObject", "arn:aws:s3:::bucket/a*b$/jobs/job-0123456789abcdef/spec.json")
    assert not is_allowed(policy, "s3:GetObject", "arn:aws:s3:::bucket/axb$/jobs/job-0123456789abcdef/spec.json")


@pytest.mark.parametrize("side", Side)
def test_aws_takes_it(side: Side) -> None:
    assert len(json.dumps(policy_of(side, BUCKET), separators=(",", ":"))) < MANAGED_POLICY_CHARS


@pytest.mark.parametrize("side", Side)
def test_the_template_is_the_policy_of_the_default_addresses(side: Side) -> None:
    template = Path(__file__).parents[3] / "deploy" / "security" / f"s3-{side}.json"
    whole = ("s3://BUCKET",)
    assert json.loads(template.read_text()) == policy_of(side, Addresses("s3://BUCKET/PREFIX", whole, whole)), (
        "render it again: PYTHONPATH=include python -m llmbatch.cli.s3_policy --templates deploy/security"
    )
