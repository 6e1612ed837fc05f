#!/bin/sh
# Make a private authority, and a certificate of it for each host. What is there and valid for a month is kept.
set -eu

usage() {
    cat <<'TEXT'
usage: make-certificates.sh FOLDER HOST[,NAME_OR_IP]...  [HOST[,NAME_OR_IP]...]...

Writes into FOLDER:
  ca.pem          certificate of the authority: clients and Ray nodes trust it
  ca-key.pem      its key: keep it off the servers
  HOST.pem        certificate of a host for its name and the other names and addresses, as server and as client
  HOST-key.pem    its key

example: make-certificates.sh certificates ray-head,10.0.0.1 ray-worker-1,10.0.0.2 gateway.example
TEXT
}

say() {
    echo "make-certificates: $1" >&2
}

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
esac
if [ $# -lt 2 ]; then
    usage >&2
    exit 2
fi
if ! command -v openssl >/dev/null; then
    say "there is no openssl; install the package of that name"
    exit 1
fi

ca_days=3650
host_days=825
kept_seconds=2592000
umask 077
folder=$1
shift
mkdir -p "$folder"
work=$(mktemp -d "$folder/making.XXXXXX")
trap 'rm -rf "$work"' EXIT
cat >"$work/authority.conf" <<'TEXT'
[req]
distinguished_name = name
prompt = no
x509_extensions = authority
[name]
CN = llmbatch private authority
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
TEXT

new_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

# whether certificate $1 is of the authority and stays valid
is_good() {
    [ -f "$1" ] && openssl x509 -in "$1" -noout -checkend "$kept_seconds" >/dev/null &&
        openssl verify -CAfile "$folder/ca.pem" "$1" >/dev/null 2>&1
}

# subjectAltName of a list such as ray-head,10.0.0.1
names_of() {
    names=
    rest=$1,
    while [ -n "$rest" ]; do
        part=${rest%%,*}
        rest=${rest#*,}
        case $part in
            '' | [.-]* | *[!A-Za-z0-9.:_-]* | ca)
                say "'$part' in '$1' is no name or address of a host"
                return 1
                ;;
            *:*) kind=IP ;;
            *[!0-9.]*) kind=DNS ;;
            *) kind=IP ;;
        esac
        names=${names:+$names,}$kind:$part
    done
    printf '%s' "$names"
}

if is_good "$folder/ca.pem"; then
    echo "kept $folder/ca.pem"
else
    new_key "$folder/ca-key.pem"
    openssl req -x509 -new -config "$work/authority.conf" -key "$folder/ca-key.pem" -sha256 -days "$ca_days" \
        -out "$folder/ca.pem"
    echo "made $folder/ca.pem"
fi

for host in "$@"; do
    names=$(names_of "$host")
    name=${host%%,*}
    if is_good "$folder/$name.pem" && [ "$(cat "$folder/$name.names")" = "$names" ]; then
        echo "kept $folder/$name.pem"
        continue
    fi
    cat >"$work/extensions" <<TEXT
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = $names
TEXT
    new_key "$folder/$name-key.pem"
    openssl req -new -config "$work/authority.conf" -subj "/CN=$name" -key "$folder/$name-key.pem" -out "$work/request"
    openssl x509 -req -in "$work/request" -CA "$folder/ca.pem" -CAkey "$folder/ca-key.pem" -CAserial "$folder/ca.srl" \
        -CAcreateserial -sha256 -days "$host_days" -extfile "$work/extensions" -out "$folder/$name.pem" 2>/dev/null
    printf '%s' "$names" >"$folder/$name.names"
    echo "made $folder/$name.pem ($names)"
done
chmod 644 "$folder/ca.pem"
