# shellcheck shell=bash
# Asks servers whether they are ready, in their own protocols.

# Whether anything listens at a port.
is_taken() { (: <>"/dev/tcp/$host/$1") 2>/dev/null; }

# Whether a GET is answered with a 2xx: answers_http URL
answers_http() { curl -fs --noproxy '*' --max-time 3 -o /dev/null "$1"; }

# Sends bytes to a port and prints the first COUNT bytes of the answer in hexadecimal: exchange PORT BYTES COUNT, BYTES as \xHH.
exchange() {
  timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf %b "$2" >&3 && head -c "$3" <&3 | od -An -v -tx1 | tr -d " \n"' "$host" "$@" 2>/dev/null
}

# A Metadata request (version 1, no topics) is answered with at least one broker: it is up, registered and unfenced.
answers_kafka() {
  local answer
  answer=$(exchange "$1" '\x00\x00\x00\x0e\x00\x03\x00\x01\x00\x00\x00\x01\xff\xff\x00\x00\x00\x00' 12)
  [ "${#answer}" -eq 24 ] && [ "${answer:16}" != 00000000 ]
}

# An OPTIONS frame (protocol version 4) is answered with SUPPORTED.
answers_cql() { [[ "$(exchange "$1" '\x04\x00\x00\x00\x05\x00\x00\x00\x00' 9)" == 84??????06* ]]; }
