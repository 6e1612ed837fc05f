"""Readers: one input object to staged rows, a file for each format. A bad row becomes a failed row, not an error.

Door: ``catalogue``.
"""
