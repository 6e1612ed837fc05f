"""How the jobs under one base kept their promises: ``python -m llmbatch.cli.sla_report``."""
