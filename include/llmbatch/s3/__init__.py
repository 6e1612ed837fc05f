"""The one S3 client, for both sides.

Door: ``store``. Imports core and boto3.
"""
