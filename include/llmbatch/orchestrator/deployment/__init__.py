"""What this Airflow gives: settings, store, states of runs, names.

Door: ``settings``. Imports no other room.
"""
