# shellcheck shell=bash
# Toxiproxy: a way to each of the other parts that tests can make slow, narrow or broken through its API. A test leaves no toxics behind
# (POST /reset).

toxiproxy_version=2.5.0
toxiproxy_ready_within_s=30
toxiproxy_ports=(TOXIPROXY_PORT KAFKA_PROXY_PORT REGISTRY_PROXY_PORT CASSANDRA_PROXY_PORT S3_PROXY_PORT)

toxiproxy_address() { printf 'http://%s:%s' "$host" "$TOXIPROXY_PORT"; }

toxiproxy_install() { install_go_program "toxiproxy-$toxiproxy_version" "github.com/Shopify/toxiproxy/v2/cmd/server@v$toxiproxy_version"; }

toxiproxy_configure() {
  cat >"$(folder toxiproxy)/proxies.json" <<JSON
[
  {"name": "kafka", "listen": "$host:$KAFKA_PROXY_PORT", "upstream": "$host:$KAFKA_PROXIED_PORT", "enabled": true},
  {"name": "registry", "listen": "$host:$REGISTRY_PROXY_PORT", "upstream": "$host:$REGISTRY_PORT", "enabled": true},
  {"name": "cassandra", "listen": "$host:$CASSANDRA_PROXY_PORT", "upstream": "$host:$CASSANDRA_PORT", "enabled": true},
  {"name": "s3", "listen": "$host:$S3_PROXY_PORT", "upstream": "$host:$S3_PORT", "enabled": true}
]
JSON
}

toxiproxy_command() {
  argv=("$STACK_CACHE/toxiproxy-$toxiproxy_version/server" -host "$host" -port "$TOXIPROXY_PORT" -config "$(folder toxiproxy)/proxies.json")
}

toxiproxy_ready() {
  local proxy
  for proxy in kafka registry cassandra s3; do answers_http "$(toxiproxy_address)/proxies/$proxy" || return 1; done
}

toxiproxy_env() { export_line PLAYHEAD_TEST_TOXIPROXY "$(toxiproxy_address)"; }
