load machines

snapshot() { (cd "$BATS_TEST_TMPDIR" && find checkout machines -type f -exec sha256sum {} + | sort); }

# changes_nothing WORDS…: the dry run leaves every file, and calls nothing that changes something
changes_nothing() {
    : >"$CALLS"
    local before
    before=$(snapshot)
    deploy --dry-run "$@"
    [ "$(snapshot)" = "$before" ]
    [ -z "$(changes)" ]
}

@test "deploy: each command is printed, none is run" {
    machine 10.0.0.2
    changes_nothing 10.0.0.1 10.0.0.2
    [ "$status" = 0 ]
    for text in "+ in .env: LLMBATCH_HEAD_IP=10.0.0.1" "make-secrets.sh ./secrets" "+ docker build --tag llmbatch-airflow:0.1.0" \
        "+ docker compose up --detach --remove-orphans" "+ docker save llmbatch-ray:0.1.0-cpu" "secrets/ray_token.new" \
        "< ./secrets/ray_token" "submit (two rows, model tiny) --wait" "nothing was changed (--dry-run)"; do
        has "$text"
    done
}

@test "deploy with problems: the problems, the commands, and 1" {
    rm "$STATE/compose"
    changes_nothing
    [ "$status" = 1 ]
    has "Docker has no compose plugin"
    has "+ docker compose up"
}

@test "restart, upgrade, uninstall" {
    machine 10.0.0.2
    nodes 3
    deploy 10.0.0.1 10.0.0.2
    [ "$status" = 0 ]
    changes_nothing --restart
    [ "$status" = 0 ]
    has "shutdown --reason restart"
    has "+ docker compose stop"
    has "resume-service"
    changes_nothing --upgrade 0.2.0 --registry registry.example.com/team
    [ "$status" = 0 ]
    has "+ docker pull --quiet registry.example.com/team/llmbatch-ray:0.2.0-cpu"
    has "+ in .env: LLMBATCH_VERSION=0.2.0"
    changes_nothing --uninstall --volumes
    [ "$status" = 0 ]
    has "+ docker compose --profile '*' down --remove-orphans --volumes"
}

@test "a command is printed as a shell reads it" {
    # shellcheck disable=SC1091
    . "$REPOSITORY/deploy/setup/output.sh"
    [ "$(quoted a "b c" "it's" '' '$x')" = "a 'b c' 'it'\''s' '' '\$x'" ]
}
