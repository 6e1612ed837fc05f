#!/bin/bash
# What the entrypoint of the official image does: own the data folder, change to the user postgres, make the cluster with
# POSTGRES_USER, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, POSTGRES_DB and POSTGRES_INITDB_ARGS.
set -Eeo pipefail

[ "${1:0:1}" = - ] && set -- postgres "$@"
if [ "$1" != postgres ]; then exec "$@"; fi

mkdir -p "$PGDATA" && chmod 00700 "$PGDATA" || :
chmod 03775 /var/run/postgresql || :
if [ "$(id -u)" = 0 ]; then
    find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
    find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
    exec gosu postgres "$BASH_SOURCE" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_PASSWORD_FILE" ]; then
        echo "error: both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set (but are exclusive)" >&2
        exit 1
    fi
    password=${POSTGRES_PASSWORD:-$(< "${POSTGRES_PASSWORD_FILE:-/dev/null}")}
    if [ -z "$password" ]; then
        echo "Error: Database is uninitialized and superuser password is not specified." >&2
        exit 1
    fi
    user=${POSTGRES_USER:-postgres}
    eval "initdb --username='$user' --pwfile=<(printf '%s\n' '$password') $POSTGRES_INITDB_ARGS"
    printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    if [ "${POSTGRES_DB:=$user}" != postgres ]; then
        PGPASSWORD=$password psql -v ON_ERROR_STOP=1 --username "$user" --no-password --no-psqlrc --dbname postgres \
            --set db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db" ;'
    fi
    for script in /docker-entrypoint-initdb.d/*.sql; do
        [ ! -f "$script" ] || PGPASSWORD=$password psql -v ON_ERROR_STOP=1 --username "$user" --dbname "$POSTGRES_DB" -f "$script"
    done
    for script in /docker-entrypoint-initdb.d/*.sh; do
        [ ! -f "$script" ] || . "$script"
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
