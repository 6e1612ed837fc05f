"""Grafana dashboards as Python: one module a dashboard, rendered to JSON under ``config/grafana``."""

import warnings

with warnings.catch_warnings():
    # The SDK warns at import that it has a newer schema, which Grafana cannot import by hand.
    warnings.simplefilter("ignore", DeprecationWarning)
    import grafana_foundation_sdk.builders.timeseries  # noqa: F401

from monitoring.dashboards.rendered import files

__all__ = ["files"]
