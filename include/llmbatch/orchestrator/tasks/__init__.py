"""The tasks of the DAG files: one module for each DAG, and the form.

Door: ``inference``. May import every room below.
"""
