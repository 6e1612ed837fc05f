"""Commands for people, each a module: ``python -m llmbatch.cli.<name>``. They use the orchestrator's doors."""
