# shellcheck shell=bash
# The end of a deployment.

uninstall() {
    needs_deployment
    local what="Remove the containers of llmbatch"
    [ ${#WORKERS[@]} = 0 ] || what+=" here and on ${WORKERS[*]}"
    if [ "$WITH_VOLUMES" = yes ]; then
        what+=", and ALL DATA: Airflow's database, jobs and answers in the store of this machine, metrics, models"
    else
        what+="; data stays in its volumes"
    fi
    [ "$DRY_RUN" = yes ] || confirm "$what?" || die "nothing was removed."
    step "Remove"
    each_worker remove_worker || say "  remove the folder $WORKER_FOLDER and its containers there by hand"
    if [ "$WITH_VOLUMES" = yes ]; then
        run docker compose --profile '*' down --remove-orphans --volumes
    else
        run docker compose --profile '*' down --remove-orphans
    fi
    say "  .env, $(secrets_folder) and the images stay. Data is readable only with these secrets: remove them last."
    end_dry_run
}
