load machines

deployed() {
    machine 10.0.0.2
    nodes 3
    deploy 10.0.0.1 10.0.0.2
    [ "$status" = 0 ]
    for port in 8000 8080 8265 9090 9093 3000; do echo "llmbatch-x 127.0.0.1:$port->$port/tcp" >>"$STATE/containers"; done
    : >"$CALLS"
}

@test "restart: drain until nothing remains, stop workers then head, start head then workers, resume" {
    deployed
    printf '2\n1\n0\n' >"$STATE/remaining"
    deploy --restart
    [ "$status" = 0 ]
    in_order "llmbatch shutdown --reason restart" "here sleep" "llmbatch shutdown" "here sleep" "llmbatch shutdown" \
        "10.0.0.2 docker compose stop" "here docker compose stop" "here docker compose up" "10.0.0.2 docker compose up" \
        "/health" "llmbatch resume-service"
    [ "$(grep -c 'llmbatch shutdown' "$CALLS")" = 3 ]
    has "2 job(s) still drain"
}

@test "restart waits for --drain-minutes at most, says what remains, and goes on" {
    deployed
    yes 3 | head -n 1000 >"$STATE/remaining"
    deploy --restart --drain-minutes 1
    [ "$status" = 0 ]
    [ "$(grep -c 'llmbatch shutdown' "$CALLS")" = 7 ]
    has "after 1 minutes 3 job(s) still run: committed rows stay"
    in_order "here docker compose stop" "here docker compose up" "llmbatch resume-service"
}

@test "restart stops nothing if the service cannot be drained, unless --force" {
    deployed
    rm "$STATE/ready"
    deploy --restart
    [ "$status" = 1 ]
    has "nothing can be drained"
    has "--force"
    not_called "compose stop"
    : >"$STATE/ready"
    : >"$CALLS"
    deploy --restart --force
    [ "$status" = 0 ]
    not_called "llmbatch shutdown"
    in_order "here docker compose stop" "here docker compose up" "llmbatch resume-service"
}

@test "restart stops nothing if admin's password is wrong" {
    deployed
    rm "$STATE/token"
    deploy --restart
    [ "$status" = 1 ]
    has "Airflow gives admin no token"
    not_called "compose stop"
}

@test "upgrade: new images, copies, drain, stop, new settings, start, resume, job" {
    deployed
    echo 'VERSION = "0.2.0"' >"$CHECKOUT/include/llmbatch/version.py"
    echo database >"$STATE/dump"
    deploy --upgrade 0.2.0
    [ "$status" = 0 ]
    in_order "build --tag llmbatch-airflow:0.2.0" "build --tag llmbatch-ray:0.2.0-cpu" "10.0.0.2 docker load" "llmbatch shutdown" "pg_dump" \
        "10.0.0.2 docker compose stop" "here docker compose stop" "here docker compose up" \
        "10.0.0.2 docker compose up" "llmbatch resume-service" " job 30m"
    grep -x LLMBATCH_RAY_IMAGE=llmbatch-ray:0.2.0-cpu "$CHECKOUT/.env"
    grep -x LLMBATCH_RAY_IMAGE=llmbatch-ray:0.2.0-cpu "$MACHINES/10.0.0.2/home/llmbatch-worker/.env"
    grep -x LLMBATCH_VERSION=0.1.0 "$CHECKOUT"/backups/*-0.1.0/env
    grep -x database "$CHECKOUT"/backups/*-0.1.0/airflow.dump
    [ "$(stat -c %a "$CHECKOUT"/backups/*-0.1.0/airflow.dump)" = 600 ]
}

@test "upgrade to the same version changes nothing" {
    deployed
    deploy --upgrade 0.1.0
    [ "$status" = 1 ]
    has "version 0.1.0 is deployed already"
    [ -z "$(changes)" ]
}

@test "upgrade without its images stops nothing" {
    deployed
    deploy --upgrade 0.2.0
    [ "$status" = 1 ]
    has "this checkout is version 0.1.0. Check out 0.2.0"
    [ -z "$(changes)" ]
    grep -x LLMBATCH_VERSION=0.1.0 "$CHECKOUT/.env"
}

@test "upgrade without a copy of the database stops nothing" {
    deployed
    echo 'VERSION = "0.2.0"' >"$CHECKOUT/include/llmbatch/version.py"
    rm "$STATE/dump"
    deploy --upgrade 0.2.0
    [ "$status" = 1 ]
    has "could not be copied, so nothing was stopped"
    not_called "compose stop"
    in_order "llmbatch shutdown" "llmbatch resume-service"
}

@test "an upgrade that fails says how to go back" {
    deployed
    echo 'VERSION = "0.2.0"' >"$CHECKOUT/include/llmbatch/version.py"
    : >"$STATE/up-fails"
    deploy --upgrade 0.2.0
    [ "$status" = 1 ]
    has "The upgrade did not end"
    has "cp backups/"
    has "To go back to 0.1.0"
}
