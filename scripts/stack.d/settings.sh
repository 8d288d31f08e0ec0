# shellcheck shell=bash
# Where the stack lives and which ports it takes. An environment variable wins over what the running stack remembers, that over the default.

stack_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STACK_DATA=$(realpath -m "${STACK_DATA:-$stack_root/playhead-stack}")
STACK_CACHE=$(realpath -m "${STACK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/playhead/stack}")

# Everything listens here and nowhere else.
host=127.0.0.1

# Keys and passwords of test servers on loopback: no secrets.
sasl_user=playhead
sasl_password=playhead-test
s3_access_key=playhead
s3_secret_key=playhead-test
s3_region=us-east-1

# Name and default. KAFKA_PROXIED_PORT is the broker's listener behind Toxiproxy; clients go to KAFKA_PROXY_PORT.
port_defaults=(
  KAFKA_PORT=9092 KAFKA_CONTROLLER_PORT=9093 KAFKA_TLS_PORT=9094 KAFKA_SASL_PORT=9095 KAFKA_PROXIED_PORT=9096
  REGISTRY_PORT=8081 CASSANDRA_PORT=9042 CASSANDRA_STORAGE_PORT=7000 S3_PORT=7070 TOXIPROXY_PORT=8474
  KAFKA_PROXY_PORT=19092 REGISTRY_PROXY_PORT=18081 CASSANDRA_PROXY_PORT=19042 S3_PROXY_PORT=17070
)

# Sets every port variable. `ports_differ` is then the first one that the environment has otherwise than the stack was started with.
load_ports() {
  local entry name
  local -A remembered=()
  ports_differ=''
  if [ -f "$STACK_DATA/ports" ]; then
    while IFS='=' read -r name entry; do remembered[$name]=$entry; done <"$STACK_DATA/ports"
  fi
  for entry in "${port_defaults[@]}"; do
    name=${entry%%=*}
    local known=${remembered[$name]:-}
    local wanted=${!name:-}
    if [ -n "$known" ] && [ -n "$wanted" ] && [ "$known" != "$wanted" ]; then ports_differ=${ports_differ:-$name}; fi
    printf -v "$name" '%s' "${wanted:-${known:-${entry#*=}}}"
    if ! [[ ${!name} =~ ^[1-9][0-9]{0,4}$ ]] || [ "${!name}" -gt 65535 ]; then die "$name: \"${!name}\" is no port"; fi
  done
}

remember_ports() {
  local entry name
  for entry in "${port_defaults[@]}"; do
    name=${entry%%=*}
    printf '%s=%s\n' "$name" "${!name}"
  done >"$STACK_DATA/ports"
}

# Where a part keeps its data, its log and its pid: folder PART.
folder() { printf '%s/%s' "$STACK_DATA" "$1"; }
