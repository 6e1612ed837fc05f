# shellcheck shell=bash
# The whole: deploy, and report.

deploy() {
    take_deployment
    refuse_other_version
    check_machines
    make_deployment
    run_small_job
    show_access
    end_dry_run
}

# make_deployment: everything that is missing; what is there stays
make_deployment() {
    step "Settings and secrets"
    choose_settings
    write_settings
    make_secrets
    make_images
    start_stack
    join_workers
    wait_ready
    make_metrics_key
}

refuse_other_version() {
    local checkout
    checkout=$(checkout_version)
    [ "$VERSION" = "$checkout" ] || [ -n "$REGISTRY" ] ||
        die "this checkout is version $checkout, .env has $VERSION. To change the version: --upgrade $checkout."
}

end_dry_run() {
    [ "$DRY_RUN" = yes ] || return 0
    say ""
    [ "$CHECKS_FAILED" = no ] || die "nothing was changed (--dry-run). Mend the problems above first."
    say "nothing was changed (--dry-run)"
}

# needs_deployment: for actions on what is there
needs_deployment() {
    [ -e "$ENV_FILE" ] || die "there is no deployment in $ROOT: no .env. Run deploy/setup_production.sh first."
    take_deployment
}

# show_status: 1 if something is wrong
show_status() {
    needs_deployment
    local wrong=0
    step "Services (version $VERSION)"
    docker compose ps --all --format 'table {{.Service}}\t{{.Image}}\t{{.Status}}' || wrong=1
    step "Health"
    if gateway_is_ready; then
        say "  gateway, Airflow and store are ready"
    else
        say "  WRONG: $(gateway_url)/health is not ready; it says: $(gateway_says). Look at 'docker compose logs gateway'"
        wrong=1
    fi
    if ray_is_complete; then
        say "  Ray has $(ray_nodes) of $(wanted_nodes) nodes"
    else
        say "  WRONG: Ray has $(ray_nodes) of $(wanted_nodes) nodes. Look at 'docker logs' of the missing Ray container"
        wrong=1
    fi
    [ ${#WORKERS[@]} = 0 ] || step "Workers"
    each_worker worker_status || wrong=1
    show_access
    return "$wrong"
}
