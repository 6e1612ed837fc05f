"""From an input object to rows: listing, formats, requests, readers.

Door: ``formats``. Imports no other room.
"""
