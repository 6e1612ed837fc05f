"""The S3 policy of a side's key, as AWS writes policies: from the table of access and the addresses of config.yaml.

SeaweedFS, MinIO and Ceph read the same form. ``python -m llmbatch.cli.s3_policy airflow`` prints one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from pydantic import JsonValue

from llmbatch.core.access import JOB, PLACES, Operation, Side
from llmbatch.core.addresses import is_under
from llmbatch.core.config import Config
from llmbatch.core.layout import split_uri

_ACTIONS: Mapping[Operation, tuple[str, ...]] = {
    Operation.READ: ("s3:GetObject",),
    Operation.WRITE: ("s3:PutObject", "s3:AbortMultipartUpload"),
    Operation.DELETE: ("s3:DeleteObject",),
}
_ARN = "arn:aws:s3:::"
_ESCAPES = str.maketrans({"$": "${$}", "*": "${*}", "?": "${?}"})

EVERYWHERE = "*"
"""In place of an address: all buckets that the account has."""


@dataclass(frozen=True)
class Addresses:
    """Addresses of a deployment, ``s3://bucket`` or ``s3://bucket/prefix``, or ``EVERYWHERE``.

    Attributes:
        base: ``store.base_uri``.
        inputs: both sides read there; Ray the images, audio and video that rows name.
        outputs: Airflow delivers there, and removes what it delivered.
        inboxes: Airflow reads there, and removes what it has moved.
        moved: Airflow moves inputs to there.
        models: Ray reads there.
    """

    base: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    inboxes: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Config) -> Addresses:
        """Return those of a configuration. Allowed inputs or outputs of null are ``EVERYWHERE``."""
        store, inboxes = config.store, config.drop.inbox
        models = (uri for model in config.models.values() for uri in (model.uri, *model.adapters.values()))
        return cls(
            base=store.base_uri,
            inputs=(EVERYWHERE,) if store.allowed_inputs is None else store.allowed_inputs,
            outputs=(EVERYWHERE,) if store.allowed_outputs is None else store.allowed_outputs,
            inboxes=tuple(inbox.uri for inbox in inboxes),
            moved=tuple(uri for inbox in inboxes for uri in (inbox.done, inbox.failed)),
            models=tuple(uri for uri in models if uri.startswith("s3://")),
        )

    def of_side(self, side: Side, operation: Operation) -> tuple[str, ...]:
        """Return where outside of the base a side may do that."""
        if side is Side.RAY:
            return (*self.inputs, *self.models) if operation is Operation.READ else ()
        return {
            Operation.READ: (*self.inputs, *self.outputs, *self.inboxes, *self.moved),
            Operation.WRITE: (*self.outputs, *self.moved),
            Operation.DELETE: (*self.outputs, *self.inboxes),
        }[operation]


def policy_of(side: Side, addresses: Addresses) -> dict[str, JsonValue]:
    """Return the policy of a side's key.

    The key may list its buckets without a condition on the prefix: S3 answers 404 for a missing object only to a key
    that may list, and 403 to others. Where an allowed prefix holds the base, what the table does not grant is denied.
    """
    base = _arn(addresses.base)
    statements: list[JsonValue] = [_statement("ListNames", "Allow", ["s3:ListBucket"], _buckets(side, addresses))]
    for operation in Operation:
        granted = {place.pattern for place in PLACES if operation in place.rights_of(side)}
        outside = addresses.of_side(side, operation)
        holds_base = any(uri == EVERYWHERE or is_under(addresses.base, uri) for uri in outside)
        allowed = [] if holds_base else [f"{base}/{pattern}" for pattern in _shortest(granted)]
        allowed += [arn for uri in dict.fromkeys(outside) for arn in _below(uri)]
        denied = {place.pattern for place in PLACES} - granted if holds_base else set()
        name, actions = operation.value.capitalize(), _ACTIONS[operation]
        if allowed:
            statements.append(_statement(name, "Allow", actions, allowed))
        if denied:
            statements.append(_statement(f"No{name}", "Deny", actions, (f"{base}/{one}" for one in _shortest(denied))))
    return {"Version": "2012-10-17", "Statement": statements}


def _shortest(patterns: Set[str]) -> list[str]:
    """Return patterns of places in the table's order; ``*`` or ``jobs/job-…/*`` where they are all of the table's."""
    for folder in ("", f"{JOB}/"):
        inside = {place.pattern for place in PLACES if place.pattern.startswith(folder)}
        if inside <= patterns:
            return [f"{folder}*", *(place.pattern for place in PLACES if place.pattern in patterns - inside)]
    return [place.pattern for place in PLACES if place.pattern in patterns]


def _statement(name: str, effect: str, actions: Iterable[str], resources: Iterable[str]) -> JsonValue:
    return {"Sid": name, "Effect": effect, "Action": [*actions], "Resource": [*resources]}


def _buckets(side: Side, addresses: Addresses) -> list[str]:
    uris = (addresses.base, *(uri for operation in Operation for uri in addresses.of_side(side, operation)))
    names = (EVERYWHERE if uri == EVERYWHERE else split_uri(uri)[0] for uri in uris)
    return [f"{_ARN}{name}" for name in dict.fromkeys(names)]


def _below(uri: str) -> list[str]:
    """Return an address and what is below it."""
    if uri == EVERYWHERE:
        return [f"{_ARN}*"]
    arn = _arn(uri)
    return [f"{arn}/*"] if "/" not in arn.removeprefix(_ARN) else [arn, f"{arn}/*"]


def _arn(uri: str) -> str:
    bucket, key = split_uri(uri.rstrip("/"))
    return f"{_ARN}{bucket}/{key.translate(_ESCAPES)}" if key else f"{_ARN}{bucket}"
