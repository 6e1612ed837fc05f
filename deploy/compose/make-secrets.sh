#!/usr/bin/env bash
# Make the secrets of docker-compose.yaml that are missing, and print their names: make-secrets.sh [FOLDER]
#
# Each is a file that its owner and its group can read. Containers get the group by LLMBATCH_SECRETS_GID in .env.
# Keys of the object store are made for the profile s3 only, which is looked for in COMPOSE_PROFILES and .env. Without it
# the two files are made empty: put the keys of your store there, or leave them empty for an instance role.
set -euo pipefail
umask 077
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)

setting() {
    if [ -n "${!1:-}" ]; then
        printf '%s' "${!1}"
    elif [ -e "$root/.env" ]; then
        sed -n "s/^$1=//p" "$root/.env" | tail -n 1 | tr -d "\"'"
    fi
}

folder=${1:-$(setting LLMBATCH_SECRETS)}
case ${folder:=./secrets} in
/*) ;;
*) folder=$root/$folder ;;
esac
case ,$(setting COMPOSE_PROFILES), in
*,s3,*) own_store=yes ;;
*) own_store= ;;
esac

hex() { od -An -v -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

base64url() { head -c "$1" /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }

# keep NAME [MODE]: standard input becomes the secret, complete or not at all
keep() {
    cat >"$folder/.$1.new"
    chmod "${2:-0440}" "$folder/.$1.new"
    mv -f -- "$folder/.$1.new" "$folder/$1"
    echo "made $1"
}

missing() { [ ! -e "$folder/$1" ]; }

# credentials SIDE: an access key of its own for Airflow, and one for Ray
credentials() {
    if [ -n "$own_store" ]; then
        printf '[default]\naws_access_key_id = llmbatch%s\naws_secret_access_key = %s\n' "$1$(hex 6)" "$(hex 24)"
    fi
}

# field NAME FILE: a value of a credentials file
field() { sed -n "s/^$1 *= *//p" "$folder/$2"; }

# base_uri: bucket and prefix of store.base_uri in the configuration
base_uri() {
    local file
    file=$(setting LLMBATCH_CONFIG_FILE)
    cd -- "$root" && sed -n 's|^ *base_uri: *s3://\([^ #]*\).*|\1|p' "${file:-./config/config.yaml}" | head -n 1
}

# policy SIDE: what its key may do, as a string of JSON
policy() {
    local base bucket prefix
    base=$(base_uri)
    base=${base:-llmbatch/llmbatch}
    bucket=${base%%/*} prefix=${base#"$bucket"}
    prefix=${prefix#/}
    tr -d '\n' <"$root/deploy/security/s3-$1.json" | sed -e "s|BUCKET|$bucket|g" -e "s|PREFIX/|${prefix:+$prefix/}|g" -e 's|  *| |g' -e 's|"|\\"|g'
}

# identity SIDE: what SeaweedFS knows of a key
identity() {
    printf '{"name": "%s", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "policyNames": ["%s"]}' \
        "$1" "$(field aws_access_key_id "$1_s3.credentials")" "$(field aws_secret_access_key "$1_s3.credentials")" "$1"
}

# certificate: of the parts of SeaweedFS, each of which proves that it holds the key; it is its own authority
certificate() {
    command -v openssl >/dev/null || {
        echo "openssl is missing, which makes the certificate of SeaweedFS. Install it, and run this again." >&2
        exit 1
    }
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=llmbatch \
        -addext subjectAltName=DNS:localhost -keyout "$folder/.key" -out "$folder/.crt" 2>/dev/null
    keep seaweedfs_grpc.key <"$folder/.key"
    keep seaweedfs_grpc.crt <"$folder/.crt"
    rm -f -- "$folder/.key" "$folder/.crt"
}

mkdir -p -- "$folder"
# Receivers of alerts: config/alertmanager/alertmanager.yml names files in it.
[ -d "$folder/alertmanager" ] || mkdir -m 0750 -- "$folder/alertmanager"

for name in postgres_password redis_password airflow_api_secret_key airflow_jwt_secret ray_token; do
    if missing "$name"; then hex 32 | keep "$name"; fi
done
for name in airflow_admin_password grafana_admin_password; do
    if missing "$name"; then base64url 18 | keep "$name"; fi
done
if missing airflow_fernet_key; then base64url 32 | keep airflow_fernet_key; fi
# make-metrics-key.sh writes into it, once the gateway runs
if missing gateway_metrics_key; then : | keep gateway_metrics_key 0640; fi

for side in airflow ray; do
    file=${side}_s3.credentials
    if missing "$file" || { [ -n "$own_store" ] && [ ! -s "$folder/$file" ]; }; then
        credentials "$side" | keep "$file"
        rm -f -- "$folder/seaweedfs_s3.json"
    fi
done
if [ -n "$own_store" ]; then
    if missing seaweedfs_s3.json; then
        airflow_policy=$(policy airflow) # assigned apart: a policy that cannot be read ends the script
        ray_policy=$(policy ray)
        printf '{"identities": [%s, %s],\n "policies": [{"name": "airflow", "content": "%s"},\n {"name": "ray", "content": "%s"}]}\n' \
            "$(identity airflow)" "$(identity ray)" "$airflow_policy" "$ray_policy" | keep seaweedfs_s3.json
    fi
    if missing seaweedfs_grpc.key || missing seaweedfs_grpc.crt; then certificate; fi
fi

group=$(stat -c %g -- "$folder/ray_token")
[ "$group" = 0 ] || echo "put LLMBATCH_SECRETS_GID=$group into .env: containers read these files as that group"
