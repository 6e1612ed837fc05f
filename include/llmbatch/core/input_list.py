"""All input objects of a job: a document of its own beside ``spec.json``, which most readers do not need."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from llmbatch.core.job_spec import InputObject, InputSummary


class InputList(BaseModel):
    """The input objects in the order of their rows, each in the version that was accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    objects: tuple[InputObject, ...]

    @classmethod
    def of(cls, objects: Sequence[InputObject]) -> InputList:
        """Return the list of these objects."""
        return cls(objects=tuple(objects))

    def encode(self) -> bytes:
        """Return the document; equal lists are equal bytes."""
        return self.model_dump_json().encode()

    def summary(self) -> InputSummary:
        """Return what ``spec.json`` holds of the list."""
        return InputSummary(
            objects=len(self.objects),
            bytes=sum(obj.size for obj in self.objects),
            sha256=hashlib.sha256(self.encode()).hexdigest(),
        )
