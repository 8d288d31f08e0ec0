import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apicurio.registry.rest.client.RegistryClientFactory;
import io.apicurio.registry.serde.SerdeConfig;
import io.apicurio.registry.serde.Legacy4ByteIdHandler;
import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.generic.IndexedRecord;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Kafka's own client and Apicurio's Avro serialisers, as they come: what a team that works in Java puts before Playhead, and behind it.
 *
 * <pre>
 * keys TOPIC...                        writes each key of standard input, a JSON string a line, to each topic
 * write TOPIC SUBJECT SESSION TIME_MS  writes a session's events with the newest schema of the subject, and prints them
 * read TOPIC...                        prints every committed record
 * </pre>
 *
 * Records are printed as JSON, one a line; values in the form that {@code schemas::json} gives them.
 */
public final class Interop {
    private static final String BROKERS = System.getenv("PLAYHEAD_TEST_BROKERS");
    /** Apicurio's own API, which its client speaks, stands beside Confluent's. */
    private static final String REGISTRY = System.getenv("PLAYHEAD_TEST_REGISTRY").replace("/apis/ccompat/v7", "/apis/registry/v2");

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    /** Events of a session, one every so many milliseconds. */
    private static final List<String> TYPES = List.of("SESSION_START", "STARTUP", "HEARTBEAT", "END");
    private static final long STEP_MS = 30_000;
    private static final DateTimeFormatter MICROS = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSS'Z'").withZone(ZoneOffset.UTC);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    private Interop() {}

    public static void main(String[] arguments) throws Exception {
        List<String> rest = List.of(arguments).subList(1, arguments.length);
        switch (arguments[0]) {
            case "keys" -> keys(rest);
            case "write" -> write(rest.get(0), rest.get(1), rest.get(2), Long.parseLong(rest.get(3)));
            case "read" -> read(rest);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        OUT.flush();
    }

    private static void keys(Collection<String> topics) throws Exception {
        Map<String, Object> settings = Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, BROKERS,
            ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class,
            ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, StringSerializer.class);
        try (var producer = new KafkaProducer<String, String>(settings);
                var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String key = JSON.readValue(line, String.class);
                for (String topic : topics) {
                    producer.send(new ProducerRecord<>(topic, key, "java"), Interop::written);
                }
            }
        }
    }

    private static void write(String topic, String subject, String session, long timeMs) throws Exception {
        Schema schema;
        try (var registry = RegistryClientFactory.create(REGISTRY);
                var latest = registry.getLatestArtifact("default", subject)) {
            schema = new Schema.Parser().parse(latest);
        }
        Map<String, Object> settings = withRegistry(Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, BROKERS,
            ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class,
            ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, AvroKafkaSerializer.class,
            SerdeConfig.EXPLICIT_ARTIFACT_ID, subject,
            SerdeConfig.FIND_LATEST_ARTIFACT, true));
        try (var producer = new KafkaProducer<String, GenericRecord>(settings)) {
            for (int number = 0; number < TYPES.size(); number++) {
                long atMs = timeMs + number * STEP_MS;
                GenericRecord event = event(schema, session, number, atMs);
                producer.send(new ProducerRecord<>(topic, null, atMs, session, event), Interop::written);
                OUT.println(json(schema, event));
            }
        }
    }

    private static GenericRecord event(Schema schema, String session, int sequence, long atMs) {
        ByteBuffer id = ByteBuffer.allocate(16).putLong(atMs << 16 | 0x7000).putLong(0x8000_0000_0000_0000L | sequence);
        return new GenericRecordBuilder(schema)
            .set("event_id", new GenericData.Fixed(schema.getField("event_id").schema(), id.array()))
            .set("session_id", session)
            .set("sequence", (long) sequence)
            .set("type", new GenericData.EnumSymbol(schema.getField("type").schema(), TYPES.get(sequence)))
            .set("event_time", atMs * 1_000)
            .set("received_time", atMs * 1_000)
            .set("profile_id", "profile-" + session)
            .set("account_id", "account-" + session)
            .set("title_id", "Größe 東京 🎬")
            .set("position_ms", Math.max(0, sequence - 1) * STEP_MS)
            .set("runtime_ms", 5_400_000L)
            .set("playback_rate", 1.25f)
            .set("preview", false)
            .set("attributes", new TreeMap<>(Map.of("größe", "東京", "b", "")))
            .build();
    }

    /** A record that could not be written ends the program. */
    private static void written(Object metadata, Exception failure) {
        if (failure != null) {
            failure.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static void read(Collection<String> topics) throws Exception {
        Map<String, Object> settings = withRegistry(Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, BROKERS,
            ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
            ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class,
            ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, AvroKafkaDeserializer.class));
        try (var consumer = new KafkaConsumer<String, GenericRecord>(settings)) {
            List<TopicPartition> partitions = topics.stream()
                .flatMap(topic -> consumer.partitionsFor(topic).stream())
                .map(partition -> new TopicPartition(partition.topic(), partition.partition()))
                .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            Instant deadline = Instant.now().plus(PATIENCE);
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                if (Instant.now().isAfter(deadline)) {
                    throw new IllegalStateException("not read to the ends " + ends);
                }
                for (ConsumerRecord<String, GenericRecord> record : consumer.poll(Duration.ofSeconds(1))) {
                    OUT.println(json(record));
                }
            }
        }
    }

    /** Confluent's framing: before the value, not in a header, the id of Confluent's API in four bytes, which is Apicurio's content id. */
    private static Map<String, Object> withRegistry(Map<String, Object> settings) {
        Map<String, Object> all = new TreeMap<>(settings);
        all.put(SerdeConfig.REGISTRY_URL, REGISTRY);
        all.put(SerdeConfig.ENABLE_HEADERS, false);
        all.put(SerdeConfig.ID_HANDLER, Legacy4ByteIdHandler.class);
        all.put(SerdeConfig.USE_ID, "contentId");
        return all;
    }

    private static JsonNode json(ConsumerRecord<String, GenericRecord> record) {
        ObjectNode headers = NODES.objectNode();
        record.headers().forEach(header -> headers.put(header.key(), new String(header.value(), StandardCharsets.UTF_8)));
        ObjectNode node = NODES.objectNode()
            .put("topic", record.topic())
            .put("partition", record.partition())
            .put("offset", record.offset())
            .put("timestamp_ms", record.timestamp())
            .put("key", record.key());
        node.set("headers", headers);
        node.set("value", record.value() == null ? NODES.nullNode() : json(record.value().getSchema(), record.value()));
        return node;
    }

    private static JsonNode json(Schema schema, Object value) {
        String meaning = String.valueOf(schema.getProp("logicalType"));
        return switch (schema.getType()) {
            case NULL -> NODES.nullNode();
            case BOOLEAN -> NODES.booleanNode((Boolean) value);
            case INT -> NODES.numberNode((Integer) value);
            case LONG -> meaning.equals("timestamp-micros") ? NODES.textNode(time((Long) value)) : NODES.numberNode((Long) value);
            case FLOAT -> NODES.numberNode((Float) value);
            case DOUBLE -> NODES.numberNode((Double) value);
            case STRING, ENUM -> NODES.textNode(value.toString());
            case BYTES -> {
                var bytes = new byte[((ByteBuffer) value).remaining()];
                ((ByteBuffer) value).duplicate().get(bytes);
                yield NODES.binaryNode(bytes);
            }
            case FIXED -> {
                byte[] bytes = ((GenericFixed) value).bytes();
                yield meaning.equals("uuid") ? NODES.textNode(uuid(ByteBuffer.wrap(bytes))) : NODES.binaryNode(bytes);
            }
            case UNION -> json(schema.getTypes().get(GenericData.get().resolveUnion(schema, value)), value);
            case ARRAY -> {
                var array = NODES.arrayNode();
                ((Collection<?>) value).forEach(item -> array.add(json(schema.getElementType(), item)));
                yield array;
            }
            case MAP -> {
                var object = NODES.objectNode();
                ((Map<?, ?>) value).forEach((key, item) -> object.set(key.toString(), json(schema.getValueType(), item)));
                yield object;
            }
            case RECORD -> {
                var object = NODES.objectNode();
                for (Schema.Field field : schema.getFields()) {
                    object.set(field.name(), json(field.schema(), ((IndexedRecord) value).get(field.pos())));
                }
                yield object;
            }
        };
    }

    private static String time(long micros) {
        return MICROS.format(Instant.EPOCH.plus(micros, ChronoUnit.MICROS));
    }

    private static String uuid(ByteBuffer bytes) {
        return new UUID(bytes.getLong(), bytes.getLong()).toString();
    }
}
