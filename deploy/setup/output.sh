# shellcheck shell=bash
# What the script says, and how it runs commands that change something.

say() { printf '%s\n' "$*"; }

step() { printf '\n== %s\n' "$*"; }

# die TEXT [EXIT_CODE]: what happened, to what, and what to do
die() {
    printf 'error: %s\n' "$1" >&2
    exit "${2:-1}"
}

# run COMMAND…: run what changes something; with --dry-run, print it instead
run() {
    if [ "$DRY_RUN" = yes ]; then
        say "+ $(quoted "$@")"
    else
        "$@"
    fi
}

# run_from FILE COMMAND…: the same, with a file as standard input
run_from() {
    local file=$1
    shift
    if [ "$DRY_RUN" = yes ]; then
        say "+ $(quoted "$@") < $file"
    else
        "$@" <"$file"
    fi
}

# quoted WORD…: one line that a shell reads as these words
quoted() {
    local word line=
    for word in "$@"; do
        case $word in
        '' | *[!A-Za-z0-9_./:=,@%+-]*) word="'${word//\'/\'\\\'\'}'" ;;
        esac
        line+="$word "
    done
    printf '%s' "${line% }"
}

# confirm QUESTION: yes only if the user types y or yes, or gave --yes
confirm() {
    [ "$ASSUME_YES" = yes ] && return 0
    local answer=
    printf '%s [y/N] ' "$1"
    read -r answer || true
    [[ $answer =~ ^[Yy]([Ee][Ss])?$ ]]
}
