"""Substitute of the official statsd_exporter on machines that can pull no image: StatsD in, Prometheus text out.

Door: ``__main__``. It reads the mapping that the official exporter reads. Production uses the official exporter.
"""
