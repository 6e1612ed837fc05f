#!/usr/bin/python3
"""The options of statsd_exporter that this repository uses, for the bridge of the embedded stack."""

import argparse
import sys

sys.path.insert(0, "/opt/bridge")
from llmbatch_stack.statsd_bridge import __main__ as bridge

parser = argparse.ArgumentParser()
parser.add_argument("--statsd.mapping-config", dest="mapping", required=True)
parser.add_argument("--statsd.listen-udp", dest="udp", default=":9125")
parser.add_argument("--statsd.listen-tcp", default=":9125")
parser.add_argument("--statsd.read-buffer", default="0")
parser.add_argument("--web.listen-address", dest="web", default=":9102")
given = parser.parse_args()
bridge.HOST = ""  # of all addresses, as the exporter
ports = [f"--udp-port={given.udp.rpartition(':')[2]}", f"--http-port={given.web.rpartition(':')[2]}"]
sys.exit(bridge.main(["--mapping", given.mapping, *ports]))
