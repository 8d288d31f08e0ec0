# shellcheck shell=bash
# Java's clients of the servers, for programs that tests run: Kafka's own, and Apicurio's Avro serialisers. No part: it is never up.

java_clients_folder() { printf 'java-clients-%s-%s' "$kafka_version" "$registry_version"; }

java_clients_install() {
  install_jars "$(java_clients_folder)" "org.apache.kafka:kafka-clients:$kafka_version" \
    "io.apicurio:apicurio-registry-serdes-avro-serde:$registry_version" org.slf4j:slf4j-simple:1.7.36
}

# Becomes a program of one source file, compiled as it starts: run_java FILE.java [ARGUMENT...]
run_java() {
  if [ "$#" -eq 0 ]; then die "java: name a source file"; fi
  install java_clients >&2
  # It runs for seconds: the first compiler is enough.
  exec "$(java_17)" -XX:TieredStopAtLevel=1 -Xmx256m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -cp "$STACK_CACHE/$(java_clients_folder)/lib/*" "$@"
}
