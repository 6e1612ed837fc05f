# shellcheck shell=bash
# Workers, over SSH: the image of the head, two secrets as files, a compose file. No login with a password, no unknown host.

WORKER_FOLDER=llmbatch-worker # in the home of the SSH user
WORKER_SECRETS=(ray_token ray_s3.credentials)
WORKER_SCRIPTS=(ray-start.sh ray_health.py) # of deploy/compose; the container runs them
WORKER_SETTINGS=(LLMBATCH_RAY_IMAGE S3_ENDPOINT_URL AWS_REGION LLMBATCH_RAY_MEMORY LLMBATCH_RAY_SHM LLMBATCH_MODEL_CACHE_GIB)

SSH_OPTIONS=(-o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=10 -o ServerAliveInterval=15)

# on_worker HOST COMMAND: standard input goes to the command
on_worker() { ssh "${SSH_OPTIONS[@]}" ${SSH_USER:+-l "$SSH_USER"} -- "$1" "$2"; }

# change_worker HOST COMMAND: the same; with --dry-run, print it
change_worker() { run ssh "${SSH_OPTIONS[@]}" ${SSH_USER:+-l "$SSH_USER"} -- "$1" "$2"; }

ssh_shown() { printf 'ssh %s%s' "${SSH_USER:+-l $SSH_USER }" "$1"; }

# join_workers: each worker runs Ray with the image, the token and the keys of this machine
join_workers() {
    local index=0 worker
    for worker in ${WORKERS[@]+"${WORKERS[@]}"}; do
        index=$((index + 1))
        step "Worker $worker"
        prepare_worker "$worker" "${MACHINE_GPUS[index]:-0}"
        start_worker "$worker"
    done
}

# prepare_worker HOST GPUS: everything but the start
prepare_worker() {
    give_image "$1" "$(setting_of LLMBATCH_RAY_IMAGE)"
    change_worker "$1" "mkdir -p $WORKER_FOLDER/secrets $WORKER_FOLDER/compose && chmod 0700 $WORKER_FOLDER $WORKER_FOLDER/secrets && chmod 0755 $WORKER_FOLDER/compose" </dev/null
    give_secrets "$1"
    local script
    for script in "${WORKER_SCRIPTS[@]}"; do
        give_file "$1" "$HERE/compose/$script" "compose/$script" 0755
    done
    give_file "$1" "$HERE/compose/worker.yaml" docker-compose.yaml
    worker_settings "$1" "$2" | give_text "$1" .env
}

# give_image HOST IMAGE: the same image as here, from the registry or from this machine
give_image() {
    local there
    there=$(on_worker "$1" "docker image inspect --format '{{.Id}}' '$2' 2>/dev/null || true" </dev/null)
    if [ -n "$there" ] && [ "$there" = "$(image_id "$2")" ]; then
        say "  $2 is there"
    elif [ -n "$REGISTRY" ]; then
        change_worker "$1" "docker pull --quiet '$2'" </dev/null
    elif [ "$DRY_RUN" = yes ]; then
        say "+ docker save $2 | gzip -1 | $(ssh_shown "$1") 'gunzip | docker load'"
    else
        say "  copying $2 (this takes minutes)"
        docker save "$2" | gzip -1 | on_worker "$1" 'gunzip | docker load'
    fi
}

# give_secrets HOST: over SSH's standard input into files of mode 0400, for the user of the image. Those that have not
# changed stay. That user is not the SSH user, so a container without network looks and changes the owner.
give_secrets() {
    local name image take
    image=$(setting_of LLMBATCH_RAY_IMAGE)
    for name in "${WORKER_SECRETS[@]}"; do
        give_file "$1" "$(secrets_folder)/$name" "secrets/$name.new" 0400
    done
    # shellcheck disable=SC2016 # the container's variables
    take='cd /secrets; for name in *.new; do if cmp -s "$name" "${name%.new}"; then rm -f "$name"; else chown 1000:0 "$name"; mv -f "$name" "${name%.new}"; fi; done'
    change_worker "$1" "docker run --rm --network none --user 0:0 --volume \"\$HOME/$WORKER_FOLDER/secrets:/secrets\" --entrypoint sh '$image' -c $(quoted "$take")" </dev/null
}

# give_file HOST FILE NAME [MODE]
give_file() {
    run_from "$2" ssh "${SSH_OPTIONS[@]}" ${SSH_USER:+-l "$SSH_USER"} -- "$1" "$(writing "$3" "${4:-0600}")"
}

# give_text HOST NAME: standard input becomes the file
give_text() {
    local text
    text=$(cat)
    if [ "$DRY_RUN" = yes ]; then
        say "+ $(ssh_shown "$1") '$(writing "$2" 0600)' with: ${text//$'\n'/ }"
    else
        on_worker "$1" "$(writing "$2" 0600)" <<<"$text"
    fi
}

# writing NAME MODE: a command that makes a file of its standard input, complete or not at all
writing() {
    local file=$WORKER_FOLDER/$1
    printf 'umask 077; rm -f %s.part; cat > %s.part && chmod %s %s.part && mv -f %s.part %s' "$file" "$file" "$2" "$file" "$file" "$file"
}

# worker_settings HOST GPUS: the .env of a worker
worker_settings() {
    local name profile=gpu
    [ "$2" != 0 ] || profile=cpu
    printf 'COMPOSE_PROFILES=%s\nLLMBATCH_NODE_IP=%s\nLLMBATCH_RAY_HOST=%s\n' "$profile" "$1" "$HEAD_IP"
    for name in "${WORKER_SETTINGS[@]}"; do
        [ -z "$(setting_of "$name")" ] || printf '%s=%s\n' "$name" "$(setting_of "$name")"
    done
}

start_worker() {
    change_worker "$1" "cd $WORKER_FOLDER && docker compose up --detach --remove-orphans" </dev/null
}

stop_worker() {
    change_worker "$1" "cd $WORKER_FOLDER && docker compose stop" </dev/null
}

# each_worker COMMAND…: with the host as last argument; goes on after a failure, and fails then
each_worker() {
    local worker failed=0
    for worker in ${WORKERS[@]+"${WORKERS[@]}"}; do
        "$@" "$worker" || {
            printf 'warning: %s failed on %s\n' "$1" "$worker" >&2
            failed=1
        }
    done
    return "$failed"
}

# remove_worker HOST: containers, and with --volumes the folder with secrets and models
remove_worker() {
    local volumes=
    [ "$WITH_VOLUMES" = no ] || volumes=' --volumes'
    change_worker "$1" "if [ -d $WORKER_FOLDER ]; then cd $WORKER_FOLDER && docker compose down --remove-orphans$volumes && rm -rf -- secrets compose .env docker-compose.yaml; fi" </dev/null
}

worker_status() {
    on_worker "$1" "cd $WORKER_FOLDER && docker compose ps --all --format 'table {{.Name}}\t{{.Image}}\t{{.Status}}'" </dev/null
}
