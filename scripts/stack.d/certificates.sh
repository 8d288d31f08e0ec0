# shellcheck shell=bash
# A certificate authority of the stack's own and the broker's certificate for localhost and 127.0.0.1, made once.

make_certificates() {
  local target=$STACK_DATA/certificates
  if [ -f "$target/broker.pem" ]; then return; fi
  needs openssl
  mkdir -p "$target"
  chmod 700 "$target"
  cat >"$target/openssl.cnf" <<'CONFIG'
[req]
prompt = no
distinguished_name = name
[name]
CN = Playhead test authority
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[broker]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
authorityKeyIdentifier = keyid
CONFIG
  (
    cd "$target" &&
      new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config openssl.cnf) &&
      openssl req -x509 "${new_key[@]}" -extensions authority -days 3650 -keyout ca.key -out ca.pem &&
      openssl req -new "${new_key[@]}" -subj /CN=localhost -keyout broker.key -out broker.csr &&
      openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile openssl.cnf -extensions broker -days 3650 -out broker.crt &&
      # What the broker reads: its key, then the chain.
      cat broker.key broker.crt ca.pem >broker.pem.part &&
      mv broker.pem.part broker.pem
  ) >"$target/log" 2>&1 || die "no certificates: see $target/log"
}
