"""LLM batch inference with deadlines, on Airflow, Ray Data and vLLM."""

__version__ = "0.1.0"
