"""How the jobs under one base kept their promises: ``python -m llmbatch.orchestrator.sla_report``."""
