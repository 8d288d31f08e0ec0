# shellcheck shell=bash
# Kafka: one node that is broker and controller. Listeners: plain, TLS, SASL over TLS, and one behind Toxiproxy, which advertises the proxy's
# address, so that a client that came through the proxy stays with it.

kafka_version=4.3.0
kafka_ready_within_s=180
kafka_ports=(KAFKA_PORT KAFKA_CONTROLLER_PORT KAFKA_TLS_PORT KAFKA_SASL_PORT KAFKA_PROXIED_PORT)
# The same id each time: an identifier of 16 bytes in base64.
kafka_cluster_id=cGxheWhlYWQtc3RhY2stMQ

kafka_address() { printf '%s:%s' "$host" "$KAFKA_PORT"; }

kafka_install() {
  install_jars "kafka-$kafka_version" \
    "org.apache.kafka:kafka_2.13:$kafka_version" "org.apache.kafka:kafka-tools:$kafka_version" org.slf4j:slf4j-simple:1.7.36
}

kafka_configure() {
  local home
  home=$(folder kafka)
  make_certificates
  kafka_properties >"$home/server.properties"
  if ! [ -f "$home/data/meta.properties" ]; then
    "$(java_17)" -cp "$STACK_CACHE/kafka-$kafka_version/lib/*" kafka.tools.StorageTool format -t "$kafka_cluster_id" -c "$home/server.properties" \
      --add-scram "SCRAM-SHA-512=[name=$sasl_user,password=$sasl_password]" >"$home/format.log" 2>&1 || die "Kafka's folder can't be made: see $home/format.log"
  fi
}

# Topics are made by `playhead topics apply` and by tests: a name that was misspelt is an error, not a topic. How far a record's timestamp may be
# ahead is a setting of each topic (topics.yaml). The internal topics have few partitions, since 50 each cost a second at every start.
kafka_properties() {
  cat <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$host:$KAFKA_CONTROLLER_PORT
listeners=PLAINTEXT://$host:$KAFKA_PORT,CONTROLLER://$host:$KAFKA_CONTROLLER_PORT,TLS://$host:$KAFKA_TLS_PORT,SASL://$host:$KAFKA_SASL_PORT,PROXIED://$host:$KAFKA_PROXIED_PORT
advertised.listeners=PLAINTEXT://$host:$KAFKA_PORT,TLS://$host:$KAFKA_TLS_PORT,SASL://$host:$KAFKA_SASL_PORT,PROXIED://$host:$KAFKA_PROXY_PORT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,SASL:SASL_SSL,PROXIED:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location=$STACK_DATA/certificates/broker.pem
listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
log.dirs=$(folder kafka)/data
auto.create.topics.enable=false
num.partitions=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES
}

kafka_command() {
  argv=(
    "$(java_17)" -Xms256m -Xmx1g -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError -Dorg.slf4j.simpleLogger.showDateTime=true
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS" -cp "$STACK_CACHE/kafka-$kafka_version/lib/*"
    kafka.Kafka "$(folder kafka)/server.properties"
  )
}

kafka_ready() { answers_kafka "$KAFKA_PORT"; }

kafka_env() {
  export_line PLAYHEAD_KAFKA_BROKERS "$host:$KAFKA_PORT"
  export_line PLAYHEAD_TEST_BROKERS "$host:$KAFKA_PORT"
  export_line PLAYHEAD_TEST_BROKERS_TLS "$host:$KAFKA_TLS_PORT"
  export_line PLAYHEAD_TEST_BROKERS_SASL "$host:$KAFKA_SASL_PORT"
  export_line PLAYHEAD_TEST_BROKERS_PROXIED "$host:$KAFKA_PROXY_PORT"
  export_line PLAYHEAD_TEST_CA "$STACK_DATA/certificates/ca.pem"
  export_line PLAYHEAD_TEST_SASL_USER "$sasl_user"
  export_line PLAYHEAD_TEST_SASL_PASSWORD "$sasl_password"
}
