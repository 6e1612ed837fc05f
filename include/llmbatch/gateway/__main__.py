"""Serve the HTTP API alone, with the paths of ``/docs`` at ``/``.

In the environment of an Airflow process: it needs Airflow's configuration, its connections and its JWT secret::

    python -m llmbatch.gateway --host 0.0.0.0 --port 8000 --workers 2

With ``--tls-certificate`` and ``--tls-key`` it speaks HTTPS only.

SIGTERM stops it: it takes no new requests and finishes those that it has.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from llmbatch.core.errors import ConfigError

CONNECTIONS = 4096
"""Most connections at a time of one worker; more get 503. A connection costs some 20 kB."""

GRACE_SECONDS = 30
"""How long requests may go on after SIGTERM."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 1 if the configuration cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m llmbatch.gateway",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="number of processes (default: %(default)s)")
    parser.add_argument("--tls-certificate", help="file of the server's certificate in PEM form, with its chain")
    parser.add_argument("--tls-key", help="file of the certificate's private key in PEM form, without a password")
    chosen = parser.parse_args(arguments)
    if (chosen.tls_certificate is None) != (chosen.tls_key is None):
        parser.error("--tls-certificate and --tls-key belong together: give both or neither")
    # outside of a task Airflow looks for connections in its database only with this setting
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    from llmbatch.orchestrator.deployment.settings import load_settings

    try:
        load_settings()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    import uvicorn

    from llmbatch.gateway.connections import PatientProtocol, raise_file_limit

    raise_file_limit(CONNECTIONS)
    uvicorn.run(
        "llmbatch.gateway.assembly:alone",
        factory=True,
        host=chosen.host,
        port=chosen.port,
        workers=chosen.workers,
        ssl_certfile=chosen.tls_certificate,
        ssl_keyfile=chosen.tls_key,
        http=PatientProtocol,
        ws="none",
        limit_concurrency=CONNECTIONS,
        backlog=CONNECTIONS,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=GRACE_SECONDS,
        server_header=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
