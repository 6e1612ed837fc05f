"""What an S3 server decides by a policy: allowed if a statement allows it, and none denies it. Without conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def is_allowed(policy: Mapping[str, Any], action: str, resource: str) -> bool:
    """Whether a key with this policy may do that, e.g. ``s3:GetObject`` with ``arn:aws:s3:::bucket/key``."""
    effects = {
        statement["Effect"]
        for statement in policy["Statement"]
        if action in statement["Action"] and any(_fits(pattern, resource) for pattern in statement["Resource"])
    }
    return effects == {"Allow"}


def _fits(pattern: str, resource: str) -> bool:
    """Compare as AWS does: ``*`` and ``?`` stand for any characters, slashes too; ``${*}`` is the star itself."""
    parts = re.findall(r"\$\{[$*?]\}|.", pattern)
    wild = {"*": ".*", "?": "."}
    return re.fullmatch("".join(wild.get(part) or re.escape(part.strip("${}") or part) for part in parts), resource) is not None
