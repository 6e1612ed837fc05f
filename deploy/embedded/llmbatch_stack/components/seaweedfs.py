"""SeaweedFS: the object store, one binary from a Python package, with conditional writes and checked signatures.

Only S3 answers users, and only with the keys: the operator's may do anything, those of Airflow and Ray what their
policies grant (`llmbatch/core/access.py`). The other parts answer each other: the filer and the master without HTTP,
the volumes with signed addresses, and all of them over gRPC with one certificate.
"""

import json
import secrets
from collections.abc import Mapping

from llmbatch.core.access import Side
from llmbatch.core.access_policy import Addresses, policy_of
from llmbatch.core.config import load_config
from llmbatch.core.errors import ConfigError
from llmbatch_stack.components.certificate import Certificate
from llmbatch_stack.credentials import Credentials, S3Key, write_private
from llmbatch_stack.environment import plain
from llmbatch_stack.process.component import Component, StepError, Steps
from llmbatch_stack.settings import BUCKET, HOST, Settings
from llmbatch_stack.wire import call_s3

NAME = "seaweedfs"
_PARTS = ("MASTER", "VOLUME", "FILER", "S3", "CLIENT")


def component(settings: Settings, credentials: Credentials) -> Component:
    """Describe the object store of this stack."""
    home = settings.state / "seaweedfs"
    identities, certificate = home / "s3.json", Certificate.in_folder(home)

    def prepare(_: Steps) -> None:
        (home / "data").mkdir(parents=True, exist_ok=True)
        certificate.make()
        write_private(identities, json.dumps(_identities(settings, credentials), indent=2))

    def check(_: float) -> str | None:
        reply = call_s3(settings, credentials, "/")
        if reply.status == 200:
            return None
        return f"S3 at {settings.s3_server_url} answers {reply.status} {reply.text[:120]}"

    def finish(_: Steps) -> None:
        reply = call_s3(settings, credentials, f"/{BUCKET}", method="PUT")
        if reply.status not in (200, 409):
            raise StepError(f"cannot create bucket {BUCKET}: S3 answers {reply.status} {reply.text[:120]}")

    options = {
        "dir": home / "data",
        "ip": HOST,
        "ip.bind": HOST,
        "s3.config": identities,
        "s3.port": settings.port("s3"),
        "s3.port.grpc": settings.port("s3_grpc"),
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.iam": "false",
        "s3.localSocket": settings.runtime / "s3.sock",
        "master.port": settings.port("seaweed_master"),
        "master.port.grpc": settings.port("seaweed_master_grpc"),
        "master.telemetry": "false",
        # one volume grows to a gigabyte, and there are as many as the disk has room for
        "master.volumeSizeLimitMB": 1024,
        "volume.max": 0,
        "volume.port": settings.port("seaweed_volume"),
        "volume.port.grpc": settings.port("seaweed_volume_grpc"),
        "filer.port": settings.port("seaweed_filer"),
        "filer.port.grpc": settings.port("seaweed_filer_grpc"),
        "filer.localSocket": settings.runtime / "filer.sock",
        "filer.disableHttp": "true",
        "disableHttp": "true",  # of the master
    }
    return Component(
        name=NAME,
        # not `weed mini`: its maintenance worker wakes 2,000 times a second once there is data from an earlier start
        command=(
            str(settings.venv("airflow") / "bin" / "weed"),
            "server",
            "-filer",
            "-s3",
            *(f"-{option}={value}" for option, value in options.items()),
        ),
        environment={**plain(), **_closed(certificate)},
        check=check,
        ports=(
            "s3",
            "s3_grpc",
            "seaweed_master",
            "seaweed_master_grpc",
            "seaweed_volume",
            "seaweed_volume_grpc",
            "seaweed_filer",
            "seaweed_filer_grpc",
        ),
        prepare=prepare,
        finish=finish,
        stop_wave=1,
        # it takes several seconds over a graceful stop and loses nothing by a hard one
        grace_s=2.0,
    )


def _identities(settings: Settings, credentials: Credentials) -> dict[str, object]:
    """Return who may do what, in SeaweedFS's form.

    Raises:
        StepError: config.yaml, which names the addresses, cannot be used.
    """
    try:
        addresses = Addresses.of(load_config(settings.config))
    except ConfigError as error:
        raise StepError(str(error)) from error

    def identity(name: str, key: S3Key, **rights: object) -> dict[str, object]:
        return {"name": name, "credentials": [{"accessKey": key.access, "secretKey": key.secret}], **rights}

    sides = [identity(side, credentials.s3_key_of(side), policyNames=[side]) for side in Side]
    everything = ["Admin", "Read", "Write", "List", "Tagging"]
    return {
        "identities": [identity("operator", credentials.s3_operator, actions=everything), *sides],
        "policies": [{"name": side, "content": json.dumps(policy_of(side, addresses))} for side in Side],
    }


def _closed(certificate: Certificate) -> Mapping[str, str]:
    """Return the variables with which the parts trust each other only. The keys are new at every start."""
    pair = {"CERT": str(certificate.certificate), "KEY": str(certificate.key)}
    return {
        "WEED_JWT_SIGNING_KEY": secrets.token_hex(32),
        "WEED_JWT_SIGNING_READ_KEY": secrets.token_hex(32),
        "WEED_GRPC_CA": str(certificate.certificate),
        **{f"WEED_GRPC_{part}_{name}": path for part in _PARTS for name, path in pair.items()},
    }
