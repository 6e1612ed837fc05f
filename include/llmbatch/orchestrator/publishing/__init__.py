"""Prove a job's rows, deliver its files, write its manifest.

Door: ``publish``. Imports history and jobs.
"""
