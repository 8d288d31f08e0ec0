# shellcheck shell=bash
# Apicurio Registry, which speaks Confluent's API too. It keeps schemas in memory: a new start is an empty registry.

registry_version=2.6.13.Final
registry_ready_within_s=60
registry_ports=(REGISTRY_PORT)

registry_address() { printf 'http://%s:%s' "$host" "$REGISTRY_PORT"; }

registry_install() {
  install_archive "apicurio-registry-$registry_version" "io.apicurio:apicurio-registry-app:$registry_version:tar.gz:all"
}

registry_configure() { :; }

registry_command() {
  argv=(
    "$(java_17)" -Xmx512m -XX:+ExitOnOutOfMemoryError "-Dplayhead.stack=$(folder registry)"
    "-Dquarkus.http.host=$host" "-Dquarkus.http.port=$REGISTRY_PORT"
    -jar "$STACK_CACHE/apicurio-registry-$registry_version/apicurio-registry-app-$registry_version-runner.jar"
  )
}

registry_ready() { answers_http "$(registry_address)/apis/ccompat/v7/subjects"; }

registry_env() {
  export_line PLAYHEAD_REGISTRY_URL "$(registry_address)/apis/ccompat/v7"
  export_line PLAYHEAD_TEST_REGISTRY "$(registry_address)/apis/ccompat/v7"
  export_line PLAYHEAD_TEST_REGISTRY_PROXIED "http://$host:$REGISTRY_PROXY_PORT/apis/ccompat/v7"
}
