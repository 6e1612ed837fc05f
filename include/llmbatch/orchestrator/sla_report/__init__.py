"""The SLA report on all jobs under one base address: ``python -m llmbatch.cli.sla_report``."""
