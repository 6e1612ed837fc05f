"""The servers of the embedded stack, one module each. Door: ``catalogue``."""
