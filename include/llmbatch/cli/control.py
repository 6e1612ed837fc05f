"""Request that a running job drains, cancels, runs on, pauses or changes its size. ``AWS_*`` name the store.

python -m llmbatch.cli.control s3://bucket/prefix/jobs/<job_id> drain --reason "node maintenance"
python -m llmbatch.cli.control s3://bucket/prefix/jobs/<job_id> scale --min 2 --max 4 --reason late
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence

from llmbatch.core.clock import SystemClock
from llmbatch.core.control import ReplicaBounds
from llmbatch.core.errors import LlmbatchError
from llmbatch.core.states import DesiredState
from llmbatch.orchestrator.steering.control import adjust, request_state
from llmbatch.s3.client import open_environment_store

_VERBS = {DesiredState.RUN: "runs on", DesiredState.DRAIN: "drains", DesiredState.CANCEL: "cancels"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; print the control object that is in force."""
    given = _parser().parse_args(arguments)
    origin = {"reason": given.reason, "by": given.by or getpass.getuser()}
    try:
        changes = _changes(given)
        if changes is not None:
            control = adjust(given.job_uri, changes, **origin, store=open_environment_store(), clock=SystemClock())
        else:
            desired = DesiredState(given.what)
            control = request_state(
                given.job_uri, desired, **origin, store=open_environment_store(), clock=SystemClock()
            )
    except (LlmbatchError, ValueError) as error:
        print(f"{given.job_uri}: {error}", file=sys.stderr)
        return 1
    overruled = changes is None and control.desired.value != given.what
    if overruled:
        stronger = f"{control.written_by} requested {control.desired.value} ({control.reason}), which stays in force"
        print(f"{given.job_uri}: {stronger}; request run first if it no longer applies.", file=sys.stderr)
    print(f"RESULT {control.model_dump_json()}")
    return 2 if overruled else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m llmbatch.cli.control", description=__doc__)
    parser.add_argument("job_uri", help="the job's folder, s3://bucket/prefix/jobs/<job_id>")
    words = parser.add_subparsers(dest="what", required=True)
    helps = {state.value: f"request that the job {_VERBS[state]}" for state in DesiredState}
    helps |= {
        "scale": "change the number of replicas that it may have",
        "pause": "release its engines until it is resumed",
    }
    for word, text in (helps | {"resume": "continue a paused job"}).items():
        one = words.add_parser(word, help=text)
        one.add_argument("--reason", required=True, help="shown in the job's log and outcome")
        one.add_argument("--by", default=None, help="author of the request; default: the login name")
        if word == "scale":
            one.add_argument("--min", type=int, required=True, help="fewest replicas")
            one.add_argument("--max", type=int, required=True, help="most replicas")
    return parser


def _changes(given: argparse.Namespace) -> dict[str, object] | None:
    """Return the fields to change; None if a state is requested. Raises ``ValueError`` for bad bounds."""
    if given.what == "scale":
        if not 1 <= given.min <= given.max:
            raise ValueError(
                f"--min {given.min} --max {given.max}: --min must be at least 1 and not greater than --max"
            )
        return {"replicas": ReplicaBounds(min=given.min, max=given.max)}
    if given.what in {"pause", "resume"}:
        return {"paused": given.what == "pause", "paused_by": None, "paused_until": None}
    return None


if __name__ == "__main__":
    sys.exit(main())
