//! Dead letters: a refused record as it came, with the reason, and the way back from them to what was refused.

use std::sync::{Arc, Mutex, PoisonError};

use pipeline::{DeadLetters, Moment, Outputs, Record, Rejection, TopicId, TopicPartition, partition_for};
use schemas::{DeadLetter, Decoder, Headers, Record as _, SchemaSource, SourceError, wire};
use sha2::{Digest, Sha256};

/// The largest value that a dead letter carries whole: the largest record of a raw topic. A larger one is given by reference.
const MAX_VALUE_BYTES: usize = schemas::limits::RECORD_BYTES;
/// What a dead letter keeps of a larger one.
const KEPT_BYTES: usize = 64 * 1024;

/// Writes the dead letters of one stage.
pub struct DeadLetterWriter {
    /// Names of the stage's input topics: the key is `<topic>-<partition>`.
    inputs: Vec<String>,
    /// Index of `dead_letters` among the stage's outputs.
    output: u16,
    partitions: u32,
    schema_id: u32,
    decoder: Mutex<Decoder>,
}

impl DeadLetterWriter {
    /// The topic.
    pub const TOPIC: &'static str = "dead_letters";

    /// For a stage that reads `inputs` and whose output number `output` is `dead_letters`, with so many partitions.
    ///
    /// # Errors
    /// Where the registry does not take the schema.
    pub fn new(inputs: &[&str], output: u16, partitions: u32, source: Arc<dyn SchemaSource>) -> Result<Self, SourceError> {
        let schema_id = source.register("dead_letters-value", DeadLetter::SCHEMA)?;
        let mut decoder = Decoder::new::<DeadLetter<'static>>(source);
        decoder.learn(schema_id)?;
        let inputs = inputs.iter().map(|&name| name.to_owned()).collect();
        Ok(Self { inputs, output, partitions, schema_id, decoder: Mutex::new(decoder) })
    }

    fn key(&self, source: TopicPartition) -> String {
        format!("{}-{}", self.inputs[usize::from(source.topic)], source.partition)
    }
}

impl DeadLetters for DeadLetterWriter {
    fn topic(&self) -> &str {
        Self::TOPIC
    }

    fn partition(&self, source: TopicPartition) -> u32 {
        partition_for(self.key(source).as_bytes(), self.partitions)
    }

    fn write(&self, stage: &str, record: &Record<'_>, moment: &Moment, rejection: &Rejection, out: &mut Outputs) {
        let log_time_ms = moment.log_time_ms.unwrap_or(record.timestamp_ms);
        let is_too_large = record.value.is_some_and(|value| value.len() > MAX_VALUE_BYTES);
        let mut encoded = Vec::new();
        let names: Vec<_> = record.headers.iter().map(|(name, value)| (String::from_utf8_lossy(name), value)).collect();
        let headers = Headers::encode(names.iter().map(|(name, value)| (&**name, *value)), &mut encoded);
        let source = self.key(moment.source);
        let letter = DeadLetter {
            topic_id: moment.topic_id.0,
            partition: i32::try_from(moment.source.partition).unwrap_or(i32::MAX),
            offset: record.offset,
            source: &source,
            stage,
            timestamp: record.timestamp_ms.saturating_mul(1000),
            key: record.key,
            value: record.value.map(|value| if is_too_large { &value[..KEPT_BYTES] } else { value }),
            value_length: record.value.map(|value| i64::try_from(value.len()).unwrap_or(i64::MAX)),
            value_sha256: record.value.filter(|_| is_too_large).map(|value| Sha256::digest(value).into()),
            headers,
            reason: rejection.reason,
            field: rejection.field,
            detail: &rejection.detail,
            software_version: env!("CARGO_PKG_VERSION"),
            failed_at: log_time_ms.saturating_mul(1000),
            attempts: 1,
        };
        out.push_keyed(self.output, log_time_ms, &[source.as_bytes()], |value| {
            wire::frame(self.schema_id, value);
            letter.encode(value);
        });
    }

    fn refused(&self, stage: &str, letter: &Record<'_>) -> Option<(TopicId, u32, i64)> {
        let value = letter.value?;
        let mut decoder = self.decoder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = decoder.missing(value) {
            decoder.learn(id).ok()?;
        }
        let letter: DeadLetter<'_> = decoder.decode(value).ok()?;
        let partition = u32::try_from(letter.partition).ok()?;
        (letter.stage == stage).then_some((TopicId(letter.topic_id), partition, letter.offset))
    }
}
