# shellcheck shell=bash
# Cassandra: one node, quick to start, without passwords. It stands in for ScyllaDB, which is to be had in containers only.

cassandra_version=5.0.8
cassandra_ready_within_s=240
cassandra_ports=(CASSANDRA_PORT CASSANDRA_STORAGE_PORT)

cassandra_address() { printf '%s:%s' "$host" "$CASSANDRA_PORT"; }

cassandra_install() { install_jars "cassandra-$cassandra_version" "org.apache.cassandra:cassandra-all:$cassandra_version"; }

cassandra_configure() {
  local home
  home=$(folder cassandra)
  cat >"$home/cassandra.yaml" <<YAML
cluster_name: playhead
num_tokens: 4
allocate_tokens_for_local_replication_factor: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
auto_bootstrap: false
listen_address: $host
storage_port: $CASSANDRA_STORAGE_PORT
rpc_address: $host
native_transport_port: $CASSANDRA_PORT
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "$host:$CASSANDRA_STORAGE_PORT"
commitlog_sync: periodic
commitlog_sync_period: 1000ms
commitlog_directory: $home/commitlog
data_file_directories: ["$home/data"]
hints_directory: $home/hints
saved_caches_directory: $home/saved_caches
cdc_raw_directory: $home/cdc_raw
YAML
  # Without this file logback writes everything that it can say.
  cat >"$home/logback.xml" <<'XML'
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date{ISO8601} %-5level [%thread] %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
XML
}

cassandra_command() {
  local home lib=$STACK_CACHE/cassandra-$cassandra_version/lib package
  home=$(folder cassandra)
  argv=(
    "$(java_17)" -Xms512m -Xmx1g -XX:+UseG1GC -XX:MaxDirectMemorySize=256m -XX:+ExitOnOutOfMemoryError "-javaagent:$lib/jamm-0.4.0.jar"
    "-Dcassandra.config=file://$home/cassandra.yaml" "-Dcassandra.storagedir=$home" "-Dlogback.configurationFile=$home/logback.xml"
    # Nobody to wait for, and no password to set up.
    -Dcassandra.superuser_setup_delay_ms=0 -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=100
    -Djdk.attach.allowAttachSelf=true
  )
  # What Cassandra reaches for inside of Java 17, as in its own jvm17-server.options.
  for package in java.base/jdk.internal.{misc,ref} java.base/sun.nio.ch java.base/java.lang.ref java.management.rmi/com.sun.jmx.remote.internal.rmi \
    java.rmi/sun.rmi.{registry,server} java.sql/java.sql jdk.unsupported/sun.misc; do
    argv+=(--add-exports "$package=ALL-UNNAMED")
  done
  for package in java.base/java.{lang,lang.module,io,nio,util,util.concurrent,util.concurrent.atomic} java.base/sun.nio.ch \
    java.base/jdk.internal.{loader,ref,reflect,math,module,util.jar} jdk.management/com.sun.management.internal; do
    argv+=(--add-opens "$package=ALL-UNNAMED")
  done
  argv+=(-cp "$lib/*" org.apache.cassandra.service.CassandraDaemon)
}

cassandra_ready() { answers_cql "$CASSANDRA_PORT"; }

cassandra_env() {
  export_line PLAYHEAD_TEST_CQL "$host:$CASSANDRA_PORT"
  export_line PLAYHEAD_TEST_CQL_PROXIED "$host:$CASSANDRA_PROXY_PORT"
}
