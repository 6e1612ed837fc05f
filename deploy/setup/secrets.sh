# shellcheck shell=bash
# Secrets: files of the deployment, made by deploy/compose/make-secrets.sh. None is printed or put on a command line.

secrets_folder() { setting_of LLMBATCH_SECRETS ./secrets; }

# secret NAME: to a pipe only
secret() { cat -- "$(secrets_folder)/$1"; }

# make_secrets: what is missing; what is there stays. Containers read the files as the group that they have here.
make_secrets() {
    run "$HERE/compose/make-secrets.sh" "$(secrets_folder)"
    put_setting LLMBATCH_SECRETS_GID "$(stat -c %g -- "$(secrets_folder)/ray_token" 2>/dev/null || id -g)"
    write_settings
}

# check_s3_keys: those of another store than ours cannot be made up. Empty files stand for an instance role of AWS.
check_s3_keys() {
    if own_store; then return 0; fi
    local name file missing=
    for name in airflow_s3.credentials ray_s3.credentials; do
        file=$(secrets_folder)/$name
        if [ ! -e "$file" ] || { [ ! -s "$file" ] && [ -n "$(store_url)" ]; }; then missing+=" $name"; fi
    done
    [ -z "$missing" ] ||
        found_problem "this machine" "$(secrets_folder) has no keys of the object store:$missing" "write them as AWS credentials files, two different keys (docs/deploy.md); for an instance role of AWS, empty files"
}

# make_metrics_key: the API key by which Prometheus reads the gateway, once that runs
make_metrics_key() {
    [[ ",$(setting_of COMPOSE_PROFILES)," == *,monitoring,* ]] || return 0
    run "$HERE/compose/make-metrics-key.sh" "$(secrets_folder)"
}
