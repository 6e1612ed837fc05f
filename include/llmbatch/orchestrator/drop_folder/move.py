"""From the inbox to ``done/<date>/<job_id>/`` or ``failed/<date>/<job_id>/``, with a link or the reason beside it.

All objects are copied first, then the note is written, then the objects are deleted, each only in the version that was
copied. So an object that was overwritten meanwhile stays in the inbox, and a move that is repeated changes nothing.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

from llmbatch.core.errors import ObjectChanged, ObjectMissing
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest
from llmbatch.core.read_ahead import in_order
from llmbatch.core.shown import shown_lines
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.orchestrator.drop_folder.claims import Claim, Outcome
from llmbatch.orchestrator.drop_folder.inbox import MARKERS
from llmbatch.orchestrator.jobs.documents import read_inputs, read_spec

_IN_FLIGHT = 64


def move(claim: Claim, target: str, job: JobLayout, proof: JobManifest | None, store: ObjectStore) -> str:
    """Move the objects of an input that has an outcome. Return the folder where they are.

    Args:
        claim: with ``outcome`` and ``settled_at``.
        target: ``done`` or ``failed`` of its inbox.
        job: the job's folder.
        proof: the manifest of the job; None for a job without success, or whose folder was removed since.
        store: the object store.

    Raises:
        StoreError: the store failed or refused. Call again.
    """
    if claim.settled_at is None:
        raise ValueError(f"claim {claim.drop_id} has no outcome")
    folder = f"{target}/{claim.settled_at:%Y-%m-%d}/{claim.job_id}/"
    objects = [*_objects(claim, None if proof is None else job, store)]

    def copied(info: ObjectInfo) -> ObjectInfo | None:
        return _copied(info, folder + _name(claim.inbox, info.uri), store)

    def deleted(info: ObjectInfo | None) -> None:
        if info is not None:
            _deleted(info, store)

    kept = [*in_order(copied, objects, in_flight=_IN_FLIGHT, name="drop-copy")]
    name = folder + _name(claim.inbox, claim.source.rstrip("/"))
    if claim.outcome is Outcome.DONE:
        store.put(f"{name}.manifest.json", _link(claim, job, proof))
    else:
        store.put(f"{name}.reason.txt", _reason(claim))
    for _ in in_order(deleted, kept, in_flight=_IN_FLIGHT, name="drop-delete"):
        pass
    return folder


def _objects(claim: Claim, job: JobLayout | None, store: ObjectStore) -> Iterable[ObjectInfo]:
    """Yield markers or sidecar first, so that what is left of a folder never starts a job.

    Of a finished job's folder those that the job has read are moved, of another one all.
    """
    yield from (each.info for each in claim.companions)
    if not claim.is_folder:
        yield ObjectInfo(claim.source, claim.etag, claim.size)
    elif job is not None:
        for each in read_inputs(read_spec(job.root, store), store):
            yield ObjectInfo(each.uri, each.etag, each.size)
    else:
        yield from (info for info in store.list(claim.source) if info.uri.removeprefix(claim.source) not in MARKERS)


def _copied(info: ObjectInfo, uri: str, store: ObjectStore) -> ObjectInfo | None:
    """Return the object if it was there in that version."""
    try:
        store.copy(info, uri)
    except (ObjectMissing, ObjectChanged):
        return None
    return info


def _deleted(info: ObjectInfo, store: ObjectStore) -> None:
    try:
        store.delete_version(info.uri, info.etag)
    except ObjectChanged:
        return  # a new version, which is another input


def _name(inbox: str, uri: str) -> str:
    """Return the path below the inbox, with the characters and parts that no address may have as %XX."""
    name = uri.removeprefix(f"{inbox}/")
    return "/".join(_part(part) for part in name.split("/"))


def _part(part: str) -> str:
    if part in {".", ".."}:
        return part.replace(".", "%2E")
    return "".join(quote(char) if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in part)


def _link(claim: Claim, job: JobLayout, proof: JobManifest | None) -> bytes:
    found: dict[str, object] = {
        "job_id": claim.job_id,
        "manifest_uri": job.manifest,
        "input": {"uri": claim.source, "etag": claim.etag},
    }
    if proof is not None:
        found |= {"rows": proof.rows.model_dump(), "outputs": [output.uri for output in proof.outputs]}
    if claim.reason:
        found["note"] = claim.reason
    return json.dumps(found, indent=2).encode()


def _reason(claim: Claim) -> bytes:
    lines = [f"{claim.source}", claim.reason or "no reason is known"]
    if claim.outcome is Outcome.FAILED:
        lines += ["", f"Job: {claim.job_id}. DAG run: {claim.run_id} of llmbatch_inference."]
    lines += ["To run it, correct the cause and put the input into the inbox again."]
    return shown_lines("\n".join(lines)).encode("utf-8", "backslashreplace") + b"\n"
