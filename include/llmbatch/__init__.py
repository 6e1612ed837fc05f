"""LLM batch inference with deadlines, on Airflow, Ray Data and vLLM."""

from llmbatch.version import VERSION

__version__ = VERSION
