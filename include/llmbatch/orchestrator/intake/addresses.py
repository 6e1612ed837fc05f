"""What a request may read and where it may deliver: its addresses against config.yaml, the jobs folder and each other.

An address is compared by bucket and parts of its path. Inputs under ``store.base_uri`` are refused, for the folders of
other jobs are there; ``retry_failed_of`` is the way to an earlier job's rows. The files that the owner of the job has
uploaded through the HTTP API are there too, and the owner's jobs may read them.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterable, Sequence

from llmbatch.core.addresses import is_under
from llmbatch.core.config_sections import StoreConfig
from llmbatch.core.drop_settings import DropConfig
from llmbatch.core.errors import ObjectMissing, RequestError, StoreDenied
from llmbatch.core.gateway_layout import files_uri
from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.layout import split_uri
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.listing import covers, searched_folder
from llmbatch.orchestrator.publishing.files import delivered_uris
from llmbatch.orchestrator.publishing.latest import latest_uri

_EMPTY_PARTS = re.compile(r"(?<!:)/{2,}")

_log = logging.getLogger(__name__)


def check_input(uri: str, settings: StoreConfig, owner: str = "") -> None:
    """Check an input address before anything is read there.

    Args:
        uri: the address.
        settings: what the deployment allows.
        owner: the job's user, empty for none; the user's uploaded files are allowed.

    Raises:
        RequestError: it is under ``store.base_uri``, or outside ``store.allowed_inputs``.
    """
    folder, base = searched_folder(uri), settings.base_uri
    if _is_upload_of(owner, folder, base):
        return
    if is_under(_EMPTY_PARTS.sub("/", folder), base):
        raise RequestError("input_uri", f"{uri} is under store.base_uri {base}, the folder of the jobs", _FIX_INPUT)
    _require_allowed("input_uri", folder, "store.allowed_inputs", settings.allowed_inputs)


def check_objects(uri: str, objects: Iterable[InputObject], base_uri: str, owner: str = "") -> None:
    """Check what a prefix or glob names.

    Raises:
        RequestError: one of the objects is under ``store.base_uri``, and no uploaded file of ``owner``.
    """
    inside = (each.uri for each in objects if is_under(each.uri, base_uri))
    found = next((address for address in inside if not _is_upload_of(owner, address, base_uri)), None)
    if found is not None:
        raise RequestError(
            "input_uri", f"{uri} also names {found} under store.base_uri {base_uri}, the folder of the jobs", _FIX_INPUT
        )


def _is_upload_of(owner: str, uri: str, base_uri: str) -> bool:
    return owner != "" and is_under(uri, files_uri(base_uri, owner))


_FIX_INPUT = "Name the folder of the input alone; for the failed rows of an earlier job use retry_failed_of."


def check_output(spec: JobSpec, base_uri: str, allowed: Sequence[str] | None, drop: DropConfig) -> None:
    """Check where a job would deliver.

    Args:
        spec: the job, with its output address.
        base_uri: ``store.base_uri``.
        allowed: ``store.allowed_outputs``; None for any.
        drop: the inboxes; what is delivered there would start a job.

    Raises:
        RequestError: ``output_uri`` is, holds or is under ``base_uri`` or an inbox, or is outside ``allowed``; or the
            job's input would match an object that it delivers.
    """
    target, source = spec.request.output_uri, spec.request.source_uri
    if target is not None:
        if _EMPTY_PARTS.search(target.rstrip("/")):
            raise RequestError("output_uri", f"{target} has an empty part", "Write one slash between two folders.")
        if is_under(target, base_uri) or is_under(base_uri, target):
            raise RequestError(
                "output_uri",
                f"{target} is, holds or is under store.base_uri {base_uri}, the folder of the jobs",
                "Choose a folder beside it, or leave output_uri out: the job then delivers into its own folder.",
            )
        inbox = drop.inbox_over(target)
        if inbox is not None:
            raise RequestError(
                "output_uri",
                f"{target} overlaps the inbox {inbox}, where every object starts a job",
                "Choose a folder beside it.",
            )
        _require_allowed("output_uri", target, "store.allowed_outputs", allowed)
    latest = latest_uri(spec)
    read = next((uri for uri in (*delivered_uris(spec), *([latest] if latest else [])) if covers(source, uri)), None)
    if read is not None:
        raise RequestError(
            "output_uri" if target is not None else "input_uri",
            f"the job would deliver {read}, which its input {source} covers: it would be overwritten or read as input",
            "Deliver outside of the input's prefix or glob, or narrow that.",
        )


def probe_output(spec: JobSpec, store: ObjectStore) -> None:
    """Write an object into the folder to which a job delivers, and delete it. One that stays is hidden from inputs.

    Raises:
        RequestError: there is no such bucket, or nothing may be written there.
        StoreError: the store failed.
    """
    probe = f"{spec.output_uri}.probe-{uuid.uuid4().hex}"
    try:
        store.create(probe, b"probe")
    except ObjectMissing:
        bucket, _ = split_uri(probe)
        raise RequestError(
            "output_uri", f"there is no bucket {bucket!r}", "Create it or correct the name after s3:// in output_uri."
        ) from None
    except StoreDenied as error:
        raise RequestError(
            "output_uri",
            f"{spec.output_uri} is not writable with the key of connection store.conn_id ({error})",
            "Permit that key to write there, or choose another folder.",
        ) from None
    try:
        store.delete(probe)
    except StoreDenied as error:
        _log.warning("event=probe_left job_id=%s uri=%s error=%s", spec.job_id, probe, error)


def _require_allowed(field: str, uri: str, setting: str, allowed: Sequence[str] | None) -> None:
    if allowed is None or any(is_under(uri, prefix) for prefix in allowed):
        return
    raise RequestError(
        field,
        f"{uri} is outside of what {setting} in config.yaml allows ({', '.join(allowed) or 'nothing'})",
        f"Use an address under one of these prefixes, or let an administrator add one to {setting}.",
    )
