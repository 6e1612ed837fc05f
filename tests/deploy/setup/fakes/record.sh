# shellcheck shell=sh
# What every fake program begins with: it notes its call. STATE is the folder of the machine that it runs on.
printf '%s %s' "${STATE##*/}" "${0##*/}" >>"$CALLS"
for word in "$@"; do
    printf ' %s' "$word" >>"$CALLS"
done
printf '\n' >>"$CALLS"

# answer FILE: print it, or fail as the program would without it
answer() {
    [ -e "$STATE/$1" ] || exit 1
    cat "$STATE/$1"
}
