"""Figures of the pages, each a function from stored state to a plotly figure. Imports: zone, core, sla_report."""
