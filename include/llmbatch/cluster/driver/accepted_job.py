"""The documents that a generation starts from, and why it cannot."""

from __future__ import annotations

from pydantic import ValidationError

from llmbatch.core.errors import ObjectMissing, OtherVersion, SpecError
from llmbatch.core.job_spec import JobSpec, parse_spec
from llmbatch.core.layout import JobLayout
from llmbatch.core.shards import StagedManifest
from llmbatch.core.states import ExitReason
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import is_later, read_document, reason_of


class CannotRunError(Exception):
    """The job cannot be run by this version; ``reason`` is the exit reason of the generation."""

    def __init__(self, reason: ExitReason, message: str) -> None:
        self.reason = reason
        super().__init__(message)


def read_accepted(layout: JobLayout, store: ObjectStore) -> tuple[JobSpec, StagedManifest]:
    """Return the accepted job in a folder and its staged shards.

    Raises:
        CannotRunError: one of them is missing or damaged, or another version of llmbatch wrote it and this one cannot
            run it.
        StoreError: the store failed.
    """
    try:
        spec = parse_spec(layout.root, store.get(layout.spec))
        return spec, read_document(StagedManifest, store.get(layout.staged_manifest))
    except OtherVersion as error:
        raise CannotRunError(ExitReason.OTHER_VERSION, str(error)) from None
    except ValidationError as error:
        reason = ExitReason.OTHER_VERSION if is_later(error) else ExitReason.BAD_SPEC
        raise CannotRunError(reason, f"{layout.staged_manifest} cannot be read: {reason_of(error)}") from None
    except (SpecError, ObjectMissing) as error:
        raise CannotRunError(ExitReason.BAD_SPEC, f"{layout.root} cannot be run: {error}") from None
