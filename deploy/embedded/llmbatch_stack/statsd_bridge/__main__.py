"""The bridge as a process: StatsD over UDP in, ``GET /metrics`` out, until SIGTERM.

python -m llmbatch_stack.statsd_bridge --mapping config/statsd/mapping.yml --udp-port 9125 --http-port 9102
"""

import argparse
import signal
import socket
import sys
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import FrameType

from llmbatch_stack.statsd_bridge.mapping import MappingError, NameMapping
from llmbatch_stack.statsd_bridge.series import MOST_SERIES, Series

HOST = "127.0.0.1"
RECEIVE_BYTES = 8 * 2**20
"""Wanted receive buffer; a full one loses packets. Linux gives at most ``net.core.rmem_max``."""


class _Handler(BaseHTTPRequestHandler):
    """Answers ``/metrics``, ``/-/ready`` and ``/-/healthy``."""

    series: Series
    timeout = 10  # seconds; a client that sends nothing holds no thread

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path == "/metrics":
            self._answer(200, self.series.text(), "text/plain; version=0.0.4; charset=utf-8")
        elif self.path in {"/-/ready", "/-/healthy"}:
            self._answer(200, "ok\n")
        else:
            self._answer(404, "see /metrics\n")

    def _answer(self, status: int, text: str, content: str = "text/plain; charset=utf-8") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Write no line for a scrape."""


def serve(series: Series, udp_port: int, http_port: int) -> None:
    """Serve until SIGTERM or SIGINT. Raises ``OSError`` if a port is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
        packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        packets.bind((HOST, udp_port))
        handler = type("Handler", (_Handler,), {"series": series})
        with ThreadingHTTPServer((HOST, http_port), handler) as pages:
            pages.daemon_threads = True
            Thread(target=_receive, args=(packets, series), name="statsd", daemon=True).start()
            pages.serve_forever()


def _receive(packets: socket.socket, series: Series) -> None:
    while True:
        series.take(packets.recv(65535))


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    raise SystemExit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m llmbatch_stack.statsd_bridge", description=__doc__)
    parser.add_argument("--mapping", type=Path, required=True, help="file of the official statsd_exporter")
    parser.add_argument("--udp-port", type=int, required=True, help="where StatsD sends to, on 127.0.0.1")
    parser.add_argument("--http-port", type=int, required=True, help="where Prometheus reads, on 127.0.0.1")
    parser.add_argument("--most-series", type=int, default=MOST_SERIES, help="series kept (%(default)s)")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    try:
        serve(Series(NameMapping.of_file(given.mapping), given.most_series), given.udp_port, given.http_port)
    except (MappingError, OSError) as error:
        print(f"statsd_bridge: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
