# shellcheck shell=bash
# Changes of a running deployment: restart and upgrade. Both drain first, and continue the drained jobs at the end.

restart() {
    needs_deployment
    drain "restart"
    stop_all
    step "Services"
    start_all
    wait_ready
    resume
    show_access
    end_dry_run
}

# stop_all: workers first, so that none waits for a head that is gone
stop_all() {
    step "Stop"
    each_worker stop_worker || say "  a worker that did not stop joins the new head by itself"
    stop_stack
}

start_all() {
    start_stack
    each_worker start_worker || die "not all workers were started; see above. Then run the script again."
}

# upgrade: new images are made while the old ones still run; only then the service is drained and stopped
upgrade() {
    needs_deployment
    local old=$VERSION folder
    [ "$old" != "$WANTED_VERSION" ] || [ "$FORCE" = yes ] || die "version $old is deployed already. To restart it: --restart."
    check_machines
    VERSION=$WANTED_VERSION
    choose_settings
    make_images
    each_worker give_new_image || die "not all workers have the new image. Nothing was stopped."
    folder=backups/$(date -u +%Y%m%dT%H%M%SZ)-$old
    keep_copy "$folder"
    trap 'show_rollback "$old" "$folder"' EXIT
    drain "upgrade to $VERSION"
    stop_all
    step "Settings and secrets"
    write_settings
    make_secrets
    start_stack
    join_workers
    wait_ready
    resume
    run_small_job
    trap - EXIT
    show_access
    say "  upgraded from $old to $VERSION; a copy of .env and of Airflow's database is in $folder"
    end_dry_run
}

give_new_image() { give_image "$1" "$(setting_of LLMBATCH_RAY_IMAGE)"; }

# keep_copy FOLDER: .env and Airflow's database, for the way back
keep_copy() {
    step "Copies in $1"
    if [ "$DRY_RUN" = yes ]; then
        say "+ cp .env $1/env"
        say "+ docker compose exec -T postgres pg_dump --format=custom > $1/airflow.dump"
        return 0
    fi
    (
        umask 077
        mkdir -p -- "$1"
        cp -- "$ENV_FILE" "$1/env"
        # shellcheck disable=SC2016 # the container's variables
        docker compose exec -T postgres sh -c 'pg_dump --format=custom --username="$POSTGRES_USER" "$POSTGRES_DB"' >"$1/airflow.dump" </dev/null
    ) || die "Airflow's database could not be copied, so nothing was stopped. Look at 'docker compose logs postgres'."
}

# show_rollback OLD FOLDER: what to do if the upgrade ends before its end
show_rollback() {
    cat >&2 <<TEXT

The upgrade did not end. Jobs are safe in the store. To go on: repair what is reported above, and run the script again.
To go back to $1:
  docker compose stop
  cp $2/env .env
  deploy/setup_production.sh --restart --force     # in a checkout of $1
If the new Airflow has changed its database, restore it before: docs/deploy.md, "Back to the earlier version".
TEXT
}
