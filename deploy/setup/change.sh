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

OLD_VERSION=
COPIES= # folder

# upgrade: new images are made while the old ones still run; only then the service is drained and stopped
upgrade() {
    needs_deployment
    OLD_VERSION=$VERSION
    [ "$OLD_VERSION" != "$WANTED_VERSION" ] || [ "$FORCE" = yes ] || die "version $OLD_VERSION is deployed already. To restart it: --restart."
    check_machines
    VERSION=$WANTED_VERSION
    choose_settings
    make_images
    each_worker give_new_image || die "not all workers have the new image. Nothing was stopped."
    COPIES=backups/$(date -u +%Y%m%dT%H%M%SZ)-$OLD_VERSION
    drain "upgrade to $VERSION"
    keep_copies || {
        resume
        die "Airflow's database could not be copied, so nothing was stopped. Look at 'docker compose logs postgres'."
    }
    trap show_rollback EXIT
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
    say "  upgraded from $OLD_VERSION to $VERSION; copies of .env and of Airflow's database are in $COPIES"
    end_dry_run
}

give_new_image() { give_image "$1" "$(setting_of LLMBATCH_RAY_IMAGE)"; }

# keep_copies: .env and Airflow's database, for the way back
keep_copies() {
    step "Copies in $COPIES"
    if [ "$DRY_RUN" = yes ]; then
        say "+ cp .env $COPIES/env"
        say "+ docker compose exec -T postgres pg_dump --format=custom > $COPIES/airflow.dump"
        return 0
    fi
    (
        umask 077
        # shellcheck disable=SC2016 # the container's variables
        mkdir -p -- "$COPIES" && cp -- "$ENV_FILE" "$COPIES/env" &&
            docker compose exec -T postgres sh -c 'pg_dump --format=custom --username="$POSTGRES_USER" "$POSTGRES_DB"' >"$COPIES/airflow.dump" </dev/null
    )
}

# show_rollback: what to do if the upgrade ends before its end
show_rollback() {
    cat >&2 <<TEXT

The upgrade did not end. Jobs are safe in the store. To go on: repair what is reported above, and run the script again.
To go back to $OLD_VERSION:
  docker compose stop
  cp $COPIES/env .env
  deploy/setup_production.sh --restart --force     # in a checkout of $OLD_VERSION
If the new Airflow has changed its database, restore it before: docs/deploy.md, "Back to the earlier version".
TEXT
}
