"""Registers llmbatch with an Airflow that has copied folders. Beside an installed wheel it registers nothing.

The wheel registers the same plugin as an entry point. Airflow would refuse the second one and show an import error.
"""

from importlib.metadata import PackageNotFoundError, distribution

try:
    distribution("llmbatch")
except PackageNotFoundError:
    from llmbatch.provider.plugin import LlmbatchPlugin

    __all__ = ["LlmbatchPlugin"]
