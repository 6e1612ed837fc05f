"""What the DAG files wire: one module for each DAG, and the form.

Door: ``inference``. May import every room below.
"""
