#!/usr/bin/env bash
# Makes the certificates of the tests anew, by OpenSSL 3: two authorities, each with one certificate for localhost and
# 127.0.0.1, all of them valid from 2000 to 2120, wherever the clock of a machine stands. They are for tests and nothing
# else: their keys are known to everyone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cat > "$work/ca.cnf" <<END
[ca]
default_ca = tests
[tests]
database = $work/index.txt
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = anything
unique_subject = no
[anything]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
subjectAltName = DNS:localhost, IP:127.0.0.1
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
END
touch "$work/index.txt"
request() { # for a name, with a new key
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -subj "/CN=$1" -keyout "$2" -out "$work/request.pem"
}
sign() {
  openssl ca -batch -config "$work/ca.cnf" -notext -in "$work/request.pem" -keyfile "$work/authority.key" \
    -startdate 20000101000000Z -enddate 21200101000000Z "$@"
}
for which in first second; do
  request "Grove's $which test authority" "$work/authority.key"
  sign -selfsign -extensions authority -out "$which.authority.pem"
  request "Grove's $which test server" "$which.key.pem"
  sign -cert "$which.authority.pem" -extensions server -out "$which.cert.pem"
done
