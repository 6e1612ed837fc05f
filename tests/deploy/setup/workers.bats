load machines

setup_workers() {
    machine 10.0.0.2
    machine 10.0.0.3
    nodes 4
    home=$MACHINES/10.0.0.2/home/llmbatch-worker
}

@test "two workers: image, token, keys and settings, then Ray; after the head" {
    setup_workers
    deploy 10.0.0.1 10.0.0.2 10.0.0.3
    [ "$status" = 0 ]
    in_order "here docker compose up" "here docker save" "10.0.0.2 docker load" "10.0.0.2 docker compose up" "10.0.0.3 docker compose up" "/health"
    grep -x 'secret of ray_token' "$home/secrets/ray_token"
    grep -x 'secret of ray_s3.credentials' "$home/secrets/ray_s3.credentials"
    [ ! -e "$home/secrets/airflow_admin_password" ]
    [ "$(stat -c %a "$home/secrets" "$home/secrets/ray_token" "$home/secrets/ray_s3.credentials" | tr '\n' ' ')" = "700 400 400 " ]
    for line in LLMBATCH_RAY_IMAGE=llmbatch-ray:0.1.0-cpu LLMBATCH_RAY_HOST=10.0.0.1 LLMBATCH_NODE_IP=10.0.0.2 COMPOSE_PROFILES=cpu; do
        grep -x "$line" "$home/.env"
    done
    cmp "$CHECKOUT/deploy/compose/worker.yaml" "$home/docker-compose.yaml"
    [ "$(stat -c %a "$home/compose" "$home/compose/ray-start.sh" | tr '\n' ' ')" = "755 755 " ]
}

@test "SSH asks nothing, and trusts no unknown host" {
    setup_workers
    deploy --ssh-user ops 10.0.0.1 10.0.0.2 10.0.0.3
    [ "$status" = 0 ]
    run grep ' ssh ' "$CALLS"
    while IFS= read -r line; do
        [[ $line == *"-o BatchMode=yes -o StrictHostKeyChecking=yes"*"-l ops -- 10.0.0."* ]]
    done <<<"$output"
}

@test "the head knows the hosts afterwards" {
    setup_workers
    deploy 10.0.0.1 10.0.0.2 10.0.0.3
    grep -x LLMBATCH_WORKERS=10.0.0.2,10.0.0.3 "$CHECKOUT/.env"
    grep -x COMPOSE_FILE=docker-compose.yaml:deploy/compose/multi-node.yaml "$CHECKOUT/.env"
    : >"$CALLS"
    deploy
    [ "$status" = 0 ]
    has "hosts of .env: head 10.0.0.1, workers 10.0.0.2 10.0.0.3"
    called "10.0.0.3 docker compose up"
}

@test "the second run copies no image and replaces no secret" {
    setup_workers
    deploy 10.0.0.1 10.0.0.2 10.0.0.3
    before=$(stat -c %i "$home/secrets/ray_token")
    : >"$CALLS"
    deploy
    [ "$status" = 0 ]
    not_called "docker save"
    [ "$(stat -c %i "$home/secrets/ray_token")" = "$before" ]
    [ ! -e "$home/secrets/ray_token.new" ]
}

@test "a worker with GPUs, a head without: one image, GPUs on the worker only" {
    setup_workers
    gpu 10.0.0.2 81559
    gpu_configuration
    nodes 3
    deploy 10.0.0.1 10.0.0.2 10.0.0.3
    [ "$status" = 0 ]
    grep -x COMPOSE_PROFILES=s3,monitoring "$CHECKOUT/.env"
    grep -x COMPOSE_PROFILES=gpu "$home/.env"
    grep -x COMPOSE_PROFILES=cpu "$MACHINES/10.0.0.3/home/llmbatch-worker/.env"
    grep -x LLMBATCH_RAY_IMAGE=llmbatch-ray:0.1.0-gpu "$home/.env"
}

@test "with a registry, workers pull" {
    setup_workers
    deploy --registry registry.example.com/team 10.0.0.1 10.0.0.2 10.0.0.3
    [ "$status" = 0 ]
    called "10.0.0.2 docker pull --quiet registry.example.com/team/llmbatch-ray:0.1.0-cpu"
    not_called "docker save"
}

@test "status shows the workers, and is 1 if one cannot be reached" {
    setup_workers
    deploy 10.0.0.1 10.0.0.2 10.0.0.3
    deploy --status
    [ "$status" = 0 ]
    called "10.0.0.2 docker compose ps"
    : >"$MACHINES/10.0.0.3/unreachable"
    deploy --status
    [ "$status" = 1 ]
    has "worker_status failed on 10.0.0.3"
}
