"""Whether an engine can decode to a JSON schema, found out where a hostile schema does no harm.

Door: ``checker``. Imports no other room of the cluster.
"""
