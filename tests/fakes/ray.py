"""A Ray dashboard without Ray: the Jobs API as measured on 2.60, over httpx transports."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from llmbatch.core.ray_version import RAY_VERSION
from llmbatch.orchestrator.ray_jobs.address import RayAddress
from llmbatch.orchestrator.ray_jobs.client import AsyncRayJobs, RayJobs

TOKEN = "right"


@dataclass
class FakeRay:
    """Holds jobs by submission id; ``answers`` override one path once each."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    posts: list[dict[str, Any]] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    status_of_new: str = "PENDING"
    broken: list[Exception | httpx.Response] = field(default_factory=list)
    hide_once: set[str] = field(default_factory=set)
    token: str | None = TOKEN
    cluster: str | None = None
    version: str = RAY_VERSION
    stops_pending: bool = True

    def put(
        self,
        submission_id: str,
        status: str,
        code: int | None = None,
        message: str = "",
        metadata: dict[str, str] | None = None,
    ) -> None:
        self.jobs[submission_id] = {
            "submission_id": submission_id,
            "status": status,
            "driver_exit_code": code,
            "message": message,
            "start_time": 1_700_000_000_000,
            "metadata": metadata,
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.broken:
            problem = self.broken.pop(0)
            if isinstance(problem, Exception):
                raise problem
            return problem
        given = request.headers.get("authorization")
        if self.token is not None and given is None:
            return httpx.Response(401)
        if self.token is not None and given != f"Bearer {self.token}":
            return httpx.Response(403)
        if request.method == "POST" and request.url.path == "/api/jobs/":
            return self._submit(json.loads(request.content))
        if request.url.path == "/api/jobs/":
            driver = {"type": "DRIVER", "submission_id": None, "status": "RUNNING", "job_id": "02000000"}
            return httpx.Response(200, json=[*self.jobs.values(), driver])
        if request.url.path == "/api/version":
            return httpx.Response(200, json={"version": "4", "ray_version": self.version, "ray_commit": "abc"})
        if request.url.path == "/api/cluster_status":
            if self.cluster is None:
                return httpx.Response(404)
            return httpx.Response(200, json={"result": True, "msg": "", "data": {"clusterStatus": self.cluster}})
        return self._job(request)

    def _job(self, request: httpx.Request) -> httpx.Response:
        _, _, _, job, *rest = request.url.path.split("/")
        if job in self.hide_once:
            self.hide_once.discard(job)
            return httpx.Response(404, text="not there")
        if job not in self.jobs:
            return httpx.Response(404, text=f"Job {job} does not exist")
        if rest == ["logs"]:
            return httpx.Response(200, json={"logs": self.logs.get(job, "")})
        if rest == ["stop"]:
            self.stops.append(job)
            if self.jobs[job]["status"] in ({"PENDING", "RUNNING"} if self.stops_pending else {"RUNNING"}):
                self.jobs[job]["status"] = "STOPPED"
            return httpx.Response(200, json={"stopped": True})
        if request.method == "DELETE":
            del self.jobs[job]
            return httpx.Response(200, json={"deleted": True})
        return httpx.Response(200, json=self.jobs[job])

    def _submit(self, body: dict[str, Any]) -> httpx.Response:
        if body["submission_id"] in self.jobs:
            return httpx.Response(500, text=f"Traceback\nValueError: Job with submission_id {body} already exists.")
        self.posts.append(body)
        self.put(body["submission_id"], self.status_of_new)
        return httpx.Response(200, json={"submission_id": body["submission_id"]})

    def sync_client(self, token: str | None = TOKEN) -> RayJobs:
        return RayJobs(_address(token), transport=httpx.MockTransport(self))

    def async_client(self, token: str | None = TOKEN) -> AsyncRayJobs:
        return AsyncRayJobs(_address(token), transport=httpx.MockTransport(self))


def _address(token: str | None) -> RayAddress:
    return RayAddress(url="http://ray:8265", conn_id="my_ray", token=token)
