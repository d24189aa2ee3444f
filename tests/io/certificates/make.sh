#!/usr/bin/env bash
# Makes the certificates of the tests anew, by OpenSSL 3: two authorities, each with one certificate for localhost and
# 127.0.0.1, all of them valid for a hundred years. They are for tests and nothing else: their keys are known to everyone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
curve=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc)
for which in first second; do
  openssl req -x509 "${curve[@]}" -days 36500 -subj "/CN=Grove's $which test authority" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" \
    -keyout authority.key -out "$which.authority.pem"
  openssl req "${curve[@]}" -subj "/CN=Grove's $which test server" -keyout "$which.key.pem" -out request.pem
  openssl x509 -req -in request.pem -CA "$which.authority.pem" -CAkey authority.key -days 36500 -out "$which.cert.pem" \
    -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n')
  rm authority.key request.pem
done
