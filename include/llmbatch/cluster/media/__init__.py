"""Images, audio and video of a row: read, checked, and put into the request, so that an engine opens no connection.

Door: ``reader``. Imports no other room of the cluster.
"""
