"""Both environments, the bundled model and tools. Door: ``python3 -m llmbatch_stack.install``."""
