# shellcheck shell=bash
# Version numbers. Also runs on workers.

# number_of TEXT: the first number with dots, such as 28.2.2 of "v28.2.2-ce"
number_of() {
    [[ $1 =~ [0-9]+(\.[0-9]+)* ]] && printf '%s' "${BASH_REMATCH[0]}"
}

# at_least FOUND WANTED: whether a version is not older than another
at_least() {
    printf '%s\n%s\n' "$2" "$1" | sort -C -V
}

# checkout_version: the version of the code in this folder
checkout_version() {
    local line
    line=$(grep -E '^VERSION' "$ROOT/include/llmbatch/version.py") || die "no VERSION in include/llmbatch/version.py"
    line=${line#*\"}
    printf '%s' "${line%%\"*}"
}
