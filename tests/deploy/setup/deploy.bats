load machines

@test "one machine: secrets, images, services, a job, addresses; in this order" {
    deploy
    [ "$status" = 0 ]
    in_order "make-secrets.sh" "docker build --tag llmbatch-airflow:0.1.0" "docker build --tag llmbatch-ray:0.1.0-cpu" \
        "docker compose up --detach" "/health" "ray-head ray status" "make-metrics-key.sh ./secrets" "auth/token" "docker compose exec -T gateway"
    has "http://127.0.0.1:8080"
    has "http://127.0.0.1:8000/docs"
    has "secrets/airflow_admin_password"
    not_called " ssh "
}

@test "the settings: pinned version and images, loopback only, the store of this machine; for the owner alone" {
    deploy
    for line in LLMBATCH_VERSION=0.1.0 LLMBATCH_AIRFLOW_IMAGE=llmbatch-airflow:0.1.0 LLMBATCH_RAY_IMAGE=llmbatch-ray:0.1.0-cpu \
        COMPOSE_PROFILES=cpu,s3,monitoring LLMBATCH_BIND=127.0.0.1 "LLMBATCH_SECRETS_GID=$(id -g)" S3_ENDPOINT_URL=http://seaweedfs:8333 AWS_REGION=us-east-1; do
        grep -x "$line" "$CHECKOUT/.env"
    done
    [ "$(stat -c %a "$CHECKOUT/.env")" = 600 ]
    ! grep COMPOSE_FILE "$CHECKOUT/.env"
}

@test "the second run builds nothing, and leaves .env and the operator's values in it as they are" {
    deploy
    sed -i -e 's/^LLMBATCH_BIND=.*/LLMBATCH_BIND=10.0.0.1/' -e 's/,monitoring//' -e '1i # mine' "$CHECKOUT/.env"
    cp "$CHECKOUT/.env" "$BATS_TEST_TMPDIR/before"
    for port in 8000 8080 8265; do
        listen here "$port"
        echo "llmbatch-x 10.0.0.1:$port->$port/tcp" >>"$STATE/containers"
    done
    : >"$CALLS"
    deploy
    [ "$status" = 0 ]
    not_called "docker build"
    called "http://10.0.0.1:8000/health"
    cmp "$CHECKOUT/.env" "$BATS_TEST_TMPDIR/before"
    hasnt Grafana
}

@test "an image that is there already is not built again" {
    echo llmbatch-airflow:0.1.0 >"$STATE/images"
    deploy
    [ "$status" = 0 ]
    not_called "build --tag llmbatch-airflow"
    called "build --tag llmbatch-ray"
}

@test "with a registry, images are pulled" {
    deploy --registry registry.example.com/team
    [ "$status" = 0 ]
    called "docker pull --quiet registry.example.com/team/llmbatch-airflow:0.1.0"
    called "docker pull --quiet registry.example.com/team/llmbatch-ray:0.1.0-cpu"
    not_called "docker build"
}

@test "another store: no SeaweedFS, then and later" {
    mkdir "$CHECKOUT/secrets"
    echo key >"$CHECKOUT/secrets/airflow_s3.credentials"
    echo key >"$CHECKOUT/secrets/ray_s3.credentials"
    deploy --s3 https://s3.example.com
    [ "$status" = 0 ]
    grep -x COMPOSE_PROFILES=cpu,monitoring "$CHECKOUT/.env"
    grep -x S3_ENDPOINT_URL=https://s3.example.com "$CHECKOUT/.env"
    deploy
    grep -x COMPOSE_PROFILES=cpu,monitoring "$CHECKOUT/.env"
    grep -x S3_ENDPOINT_URL=https://s3.example.com "$CHECKOUT/.env"
}

@test "no secret is printed or on a command line" {
    machine 10.0.0.2
    nodes 3
    deploy 10.0.0.1 10.0.0.2
    [ "$status" = 0 ]
    hasnt "secret of"
    hasnt TOKEN
    not_called "secret of"
    not_called TOKEN
    grep -F "secret of airflow_admin_password" "$STATE/login"
    head -n 1 "$STATE/gateway-input" | grep -x TOKEN
}

@test "the job is two rows for the default model" {
    deploy
    [ "$(sed 1d "$STATE/gateway-input" | wc -l)" = 2 ]
    sed 1d "$STATE/gateway-input" | python3 -c 'import json, sys
rows = [json.loads(line) for line in sys.stdin]
assert {row["body"]["model"] for row in rows} == {"tiny"} and len({row["custom_id"] for row in rows}) == 2, rows'
}

@test "a job that fails fails the deployment; --no-job runs none" {
    rm "$STATE/job"
    deploy
    [ "$status" = 1 ]
    has "the small job failed"
    deploy --no-job
    [ "$status" = 0 ]
}

@test "services that do not become ready are reported after a bound" {
    rm "$STATE/ready"
    deploy
    [ "$status" = 1 ]
    has "/health is not ready after 900 s; it says: nothing"
    echo '{"status":"degraded","store":"unreachable"}' >"$STATE/health"
    deploy
    has '/health is not ready after 900 s; it says: {"status":"degraded","store":"unreachable"}'
    called "docker compose ps"
}

@test "a Ray node that does not join is reported" {
    nodes 1
    deploy
    [ "$status" = 1 ]
    has "Ray has 1 nodes, 2 are expected"
}

@test "a checkout of another version asks for --upgrade" {
    deploy
    echo 'VERSION = "0.2.0"' >"$CHECKOUT/include/llmbatch/version.py"
    : >"$CALLS"
    deploy
    [ "$status" = 1 ]
    has "--upgrade 0.2.0"
    [ -z "$(changes)" ]
}

@test "status: 0 if all is well, 1 and WRONG if not, and it changes nothing" {
    deploy --status
    [ "$status" = 1 ]
    has "there is no deployment"
    deploy
    : >"$CALLS"
    deploy --status
    [ "$status" = 0 ]
    has "Ray has 2 of 2 nodes"
    nodes 1
    deploy --status
    [ "$status" = 1 ]
    has "WRONG: Ray has 1 of 2 nodes"
    nodes 2
    rm "$STATE/ready"
    deploy --status
    [ "$status" = 1 ]
    has "WRONG: http://127.0.0.1:8000/health"
    [ -z "$(changes)" ]
}
