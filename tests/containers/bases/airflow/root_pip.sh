#!/bin/sh
# As in the official image: packages are installed by the user airflow.
echo "You are running pip as root. Please use 'airflow' user to run pip!" >&2
exit 1
