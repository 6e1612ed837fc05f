"""The whole product on one machine: S3, Postgres, Ray and Airflow as supervised processes, without containers."""
