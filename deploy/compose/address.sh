#!/bin/sh
# Print an address with its password, for an option of Airflow that ends with _CMD: `address.sh database|broker`.
set -eu

case "${1:-}" in
database) printf 'postgresql+psycopg2://airflow:%s@postgres:5432/airflow' "$(cat /run/secrets/postgres_password)" ;;
broker) printf 'redis://:%s@redis:6379/0' "$(cat /run/secrets/redis_password)" ;;
*)
    echo "usage: address.sh database|broker" >&2
    exit 2
    ;;
esac
