"""Every object key of a job, built in one place."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from llmbatch.core.identity import JOB_ID_PATTERN

_SHARD = re.compile(r"(shard-\d{5,})\.parquet", re.ASCII)
_NUMBER = re.compile(r"\d{5,}", re.ASCII)


def split_uri(uri: str) -> tuple[str, str]:
    """Split ``s3://bucket/some/key`` into bucket and key.

    Raises:
        ValueError: the text is not an ``s3://`` address with a bucket.
    """
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not separator or not bucket:
        raise ValueError(f"{uri!r} is not an address like s3://bucket/key")
    return bucket, key


def history_uri(base: str) -> str:
    """Return where under ``base`` finished jobs leave what they teach about ETAs."""
    return f"{base.rstrip('/')}/eta/history.json"


def queue_uri(base: str) -> str:
    """Return where under ``base`` the admitted jobs that are not over are listed, by deadline."""
    return f"{base.rstrip('/')}/queue.json"


def service_uri(base: str) -> str:
    """Return where under ``base`` it is noted whether the service admits jobs."""
    return f"{base.rstrip('/')}/service.json"


def benchmark_uri(base: str, benchmark_id: str) -> str:
    """Return the folder under ``base`` with the report of a benchmark; it ends in a slash."""
    return f"{base.rstrip('/')}/benchmarks/{benchmark_id}/"


def tuned_uri(base: str, model: str) -> str:
    """Return where under ``base`` the adopted settings of a model of config.yaml are."""
    return f"{base.rstrip('/')}/models/{model}/tuned.json"


def delivery_folder(output_uri: str, job_id: str) -> str:
    """Return the folder into which a job with this ``output_uri`` delivers; it ends in a slash."""
    return f"{output_uri.rstrip('/')}/{job_id}/"


def index_uri(base: str) -> str:
    """Return the folder under ``base`` with the index of jobs by day."""
    return f"{base.rstrip('/')}/index/"


def drop_uri(base: str) -> str:
    """Return the folder under ``base`` with the claims of dropped inputs."""
    return f"{base.rstrip('/')}/drop/"


def gateway_uri(base: str) -> str:
    """Return the folder under ``base`` with what the HTTP API keeps: API keys, files, batches."""
    return f"{base.rstrip('/')}/gateway/"


def files_uri(base: str, owner: str) -> str:
    """Return the folder under ``base`` with the uploaded files of a user, which only that user's jobs may read.

    The address hides the user's name.
    """
    return f"{gateway_uri(base)}files/{hashlib.sha256(owner.encode()).hexdigest()[:32]}/"


def idempotency_uri(base: str, key: str, owner: str) -> str:
    """Return where under ``base`` it is noted which job an idempotency key of a user stands for.

    The address hides key and user. Equal keys of two users have two addresses.
    """
    name = hashlib.sha256(json.dumps([owner, key]).encode()).hexdigest()
    return f"{base.rstrip('/')}/idempotency/{name}.json"


@dataclass(frozen=True)
class JobLayout:
    """Addresses of everything under a job's folder ``s3://<bucket>/<prefix>/jobs/<job_id>``."""

    root: str

    @classmethod
    def of(cls, base: str, job_id: str) -> JobLayout:
        """Return the layout of ``job_id`` under ``base`` (``s3://bucket/prefix``)."""
        return cls(f"{base.rstrip('/')}/jobs/{job_id}")

    @property
    def job_id(self) -> str:
        """The id of the job: the name of its folder."""
        return self.root.rpartition("/")[2]

    @property
    def is_job(self) -> bool:
        """Whether the folder is ``<base>/jobs/job-<16 hex digits>``."""
        return re.fullmatch(rf".+/jobs/{JOB_ID_PATTERN}", self.root, re.DOTALL) is not None

    @property
    def spec(self) -> str:
        """The accepted request; create-only."""
        return f"{self.root}/spec.json"

    @property
    def staged(self) -> str:
        """Folder of the input shards."""
        return f"{self.root}/staged/"

    @property
    def staged_manifest(self) -> str:
        """List of the input shards; written after all of them."""
        return f"{self.root}/staged/manifest.json"

    @property
    def kept_schema(self) -> str:
        """Types of the input's own columns; written after their shards and, as their list is sorted, removed first."""
        return f"{self.staged}columns/schema.parquet"

    @property
    def progress(self) -> str:
        """Heartbeat of the running generation."""
        return f"{self.root}/progress.json"

    @property
    def control(self) -> str:
        """What operators ask of the running generation."""
        return f"{self.root}/control.json"

    @property
    def claims(self) -> str:
        """Folder of the generations that have claimed the job."""
        return f"{self.root}/generations/"

    @property
    def crashes(self) -> str:
        """Folder of the engine crashes and the rows that were in the engine."""
        return f"{self.root}/crashes/"

    @property
    def probe(self) -> str:
        """What a generation writes to see whether the store honours conditions."""
        return f"{self.root}/.probe"

    @property
    def results(self) -> str:
        """Folder of the committed shards."""
        return f"{self.root}/results/"

    @property
    def failed(self) -> str:
        """Folder of the dead letters."""
        return f"{self.root}/failed/"

    @property
    def manifest(self) -> str:
        """The proof; last write of the job."""
        return f"{self.root}/manifest.json"

    @property
    def base(self) -> str:
        """The address under which all jobs of the deployment are."""
        return self.root.rpartition("/jobs/")[0]

    @property
    def admission(self) -> str:
        """The admission decision at the job's submission; create-only."""
        return f"{self.root}/admission.json"

    @property
    def basis(self) -> str:
        """Prior knowledge of the ETA model, from before the first heartbeat; create-only."""
        return f"{self.root}/eta/basis.json"

    @property
    def alerts(self) -> str:
        """Folder of the alerts."""
        return f"{self.root}/alerts/"

    @property
    def reactions(self) -> str:
        """Folder of the automatic reactions to a deadline at risk."""
        return f"{self.root}/reactions/"

    @property
    def traces(self) -> str:
        """Folder of the estimates that each generation made."""
        return f"{self.root}/eta/traces/"

    @property
    def dry_run(self) -> str:
        """What a dry run found."""
        return f"{self.root}/dry_run.json"

    @property
    def sla(self) -> str:
        """Predictions against what happened."""
        return f"{self.root}/sla.json"

    def inputs(self, sha256: str) -> str:
        """List of the input objects with this digest; written before the spec, which names the digest."""
        return f"{self.root}/inputs/{sha256[:16]}.json"

    def staged_shard(self, shard_id: str) -> str:
        """Address of one input shard."""
        return f"{self.staged}{shard_id}.parquet"

    def kept_shard(self, shard_id: str) -> str:
        """Address of the input's own columns of one shard's rows; no Ray job reads it."""
        return f"{self.staged}columns/{shard_id}.parquet"

    def result_shard(self, shard_id: str) -> str:
        """Address of one committed shard."""
        return f"{self.results}{shard_id}.parquet"

    def failed_shard(self, shard_id: str) -> str:
        """Address of one shard's dead letters."""
        return f"{self.failed}{shard_id}.parquet"

    def claim(self, generation: int) -> str:
        """Address of one generation's claim."""
        return f"{self.claims}g{generation:05d}"

    def crash(self, generation: int, replica_id: str) -> str:
        """Address of the record of one replica's crash; a replica crashes once."""
        return f"{self.crashes}g{generation:05d}-{replica_id}.json"

    def trace(self, generation: int) -> str:
        """Address of one generation's estimates."""
        return f"{self.traces}g{generation:05d}.json"

    def alert(self, level: str, number: int) -> str:
        """Address of the ``number``-th alert of a level, from 1; creating it is the right to send it."""
        return f"{self.alerts}{level}-{number}.json"

    def reaction(self, number: int) -> str:
        """Address of the ``number``-th reaction, from 1; creating it is the right to have done it."""
        return f"{self.reactions}{number:05d}.json"

    def generation_of(self, uri: str) -> int | None:
        """Return the number of a claim's address, None for any other address, such as a console's folder marker."""
        number = uri.removeprefix(f"{self.claims}g")
        return int(number) if _NUMBER.fullmatch(number) else None

    def reaction_of(self, uri: str) -> int | None:
        """Return the number of a reaction's address, None for any other address."""
        number = uri.removeprefix(self.reactions).removesuffix(".json")
        return int(number) if _NUMBER.fullmatch(number) and uri == self.reaction(int(number)) else None

    @staticmethod
    def shard_of(uri: str) -> str | None:
        """Return the shard id that a shard's address names, or None for any other address."""
        found = _SHARD.fullmatch(uri.rsplit("/", 1)[-1])
        return found[1] if found else None
