"""What Prometheus, Alertmanager and Grafana are rendered from: rules, routes, dashboards."""
