"""Reconcile a job's rows, deliver its files, create its manifest.

Door: ``publish``. Imports history, inputs and jobs.
"""
