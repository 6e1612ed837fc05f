"""The gateway on a port of its own, over a real S3 server and a fake Airflow: ``upload_server.py <port>``."""

from __future__ import annotations

import sys

import uvicorn

from fakes.gateway import FakeAirflow, fake_parts
from integration.airflow.small_jobs import BUCKET
from llmbatch.core.clock import SystemClock
from llmbatch.core.config import Config
from llmbatch.gateway.app import create_app
from llmbatch.s3.client import open_environment_store


def main(port: int) -> None:
    clock = SystemClock()
    config = Config.model_validate(
        {
            "store": {"base_uri": f"s3://{BUCKET}/uploads"},
            "models": {"small": {"uri": "hub/small"}},
            "default_model": "small",
        }
    )
    parts = fake_parts(config, open_environment_store(), FakeAirflow(clock), clock)
    uvicorn.run(create_app(lambda: parts), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
