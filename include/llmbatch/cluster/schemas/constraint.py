"""What the text of an answer must fit, in the words of vLLM's structured outputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

ConstraintKind = Literal["json", "json_object", "regex", "choice", "grammar", "structural_tag"]

_NAMES: dict[ConstraintKind, str] = {
    "json": "JSON schema",
    "json_object": "JSON object",
    "regex": "regular expression",
    "choice": "choice",
    "grammar": "grammar",
    "structural_tag": "structural tag",
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint as vLLM gives it to its backend.

    Attributes:
        kind: vLLM's ``StructuredOutputOptions``, in small letters.
        spec: the schema, the list of choices or the structural tag as JSON text; a regular expression or a grammar as
            it is; empty for ``json_object``.
    """

    kind: ConstraintKind
    spec: str

    @property
    def name(self) -> str:
        """What a message calls it."""
        return _NAMES[self.kind]

    @classmethod
    def of_schema(cls, schema: JsonValue) -> Constraint:
        """Return the constraint that a JSON schema is."""
        return cls("json", json.dumps(schema))
