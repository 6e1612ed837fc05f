# shellcheck shell=bash
# The service behind the gateway, as the user admin: drain, resume, a small job. Password and token are on no command line.

JOB_MINUTES=30
DRAIN_POLL_SECONDS=10

# The gateway's own command line, in its container. The first line of standard input is the token.
# shellcheck disable=SC2016 # the container's variables
IN_GATEWAY='IFS= read -r LLMBATCH_API_KEY
export LLMBATCH_API_KEY LLMBATCH_HOST=http://127.0.0.1:8000
exec python -m llmbatch.cli "$@"'
# shellcheck disable=SC2016
JOB_IN_GATEWAY='IFS= read -r LLMBATCH_API_KEY
export LLMBATCH_API_KEY LLMBATCH_HOST=http://127.0.0.1:8000
umask 077
cat >/tmp/setup-check.jsonl
python -m llmbatch.cli submit /tmp/setup-check.jsonl --wait --timeout "$1"
code=$?
rm -f /tmp/setup-check.jsonl
exit $code'

# airflow_token: a token of Airflow for admin, which ends by itself
airflow_token() {
    local answer
    answer=$(
        { printf '{"username": "admin", "password": "%s"}' "$(secret airflow_admin_password)"; } |
            curl --fail --silent --show-error --max-time 30 --header 'Content-Type: application/json' --data-binary @- "$(airflow_url)/auth/token"
    ) || return 1
    [[ $answer =~ \"access_token\"\ *:\ *\"([^\"]+)\" ]] && printf '%s' "${BASH_REMATCH[1]}"
}

# llmbatch ARGUMENT…
llmbatch() {
    local token
    if [ "$DRY_RUN" = yes ]; then
        say "+ docker compose exec -T gateway python -m llmbatch.cli $(quoted "$@")"
        return 0
    fi
    token=$(airflow_token) || die "Airflow gives admin no token. Is airflow_admin_password in $(secrets_folder) still the password?"
    printf '%s\n' "$token" | docker compose exec -T gateway sh -c "$IN_GATEWAY" llmbatch "$@"
}

# drain: no new jobs; wait until the running ones have committed and ended, for DRAIN_MINUTES at most
drain() {
    step "Drain"
    if [ "$FORCE" = yes ]; then
        say "  not drained (--force): rows in flight run again"
        return 0
    fi
    if [ "$DRY_RUN" = no ] && ! gateway_is_ready; then
        die "$(gateway_url)/health is not ready, so nothing can be drained. Mend it (--status), or add --force: committed rows stay, rows in flight run again."
    fi
    local rounds=$((DRAIN_MINUTES * 60 / DRAIN_POLL_SECONDS + 1)) report remaining=unknown
    while :; do
        report=$(llmbatch shutdown --reason "$1" --json) ||
            die "the service refused to drain. Nothing was stopped; 'docker compose logs gateway' says why."
        if [ "$DRY_RUN" = yes ]; then
            say "$report"
            say "+ repeat it until nothing remains, for $DRAIN_MINUTES minutes at most"
            return 0
        fi
        [[ $report =~ \"remaining\"\ *:\ *([0-9]+) ]] || die "the gateway's answer has no number of remaining jobs."
        remaining=${BASH_REMATCH[1]}
        say "  $remaining job(s) still drain"
        [ "$remaining" != 0 ] || return 0
        [ $((rounds -= 1)) -gt 0 ] || break
        sleep "$DRAIN_POLL_SECONDS"
    done
    say "  after $DRAIN_MINUTES minutes $remaining job(s) still run: committed rows stay, the others run again"
}

resume() {
    step "Resume"
    llmbatch resume-service ||
        die "the service still admits no jobs. Run: docker compose exec gateway python -m llmbatch.cli resume-service"
}

# run_small_job: two rows through gateway, Airflow, Ray and store, by the default model
run_small_job() {
    step "A small job"
    [ "$WITH_JOB" = yes ] || {
        say "  not run (--no-job)"
        return 0
    }
    local model token
    model=$(default_model)
    if [ "$DRY_RUN" = yes ]; then
        say "+ docker compose exec -T gateway python -m llmbatch.cli submit (two rows, model $model) --wait --timeout ${JOB_MINUTES}m"
        return 0
    fi
    token=$(airflow_token) || die "Airflow gives admin no token. Is airflow_admin_password in $(secrets_folder) still the password?"
    { printf '%s\n' "$token" && small_batch "$model"; } |
        docker compose exec -T gateway sh -c "$JOB_IN_GATEWAY" job "${JOB_MINUTES}m" ||
        die "the small job failed. Its page in Airflow has the log ($(airflow_url)); 'docker compose logs ray-head' has Ray's."
    say "  the job succeeded"
}

default_model() {
    awk '$1 == "default_model:" { print $2; exit }' "$(setting_of LLMBATCH_CONFIG_FILE ./config/config.yaml)"
}

# small_batch MODEL: requests of OpenAI's Batch API
small_batch() {
    local row
    for row in 1 2; do
        printf '{"custom_id": "setup-%s", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "%s", "max_tokens": 8, "messages": [{"role": "user", "content": "Say %s."}]}}\n' "$row" "$1" "$row"
    done
}
