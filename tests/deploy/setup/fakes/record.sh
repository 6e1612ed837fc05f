# shellcheck shell=sh
# What every fake program begins with: it notes its call, by one write. STATE is the folder of the machine that it runs on.
printf '%s %s %s\n' "${STATE##*/}" "${0##*/}" "$*" >>"$CALLS"

# answer FILE: print it, or fail as the program would without it
answer() {
    [ -e "$STATE/$1" ] || exit 1
    cat "$STATE/$1"
}
