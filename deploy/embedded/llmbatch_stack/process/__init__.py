"""Processes of the stack: what a component is, records, ports, priorities."""
