"""The command ``llmbatch``: a client of the gateway over HTTP. Uses ``core`` and httpx. Door: ``app``."""
