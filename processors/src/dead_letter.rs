//! Dead letters: a refused record as it came, with the reason, and the way back from them to what was refused.

mod fit;

use std::sync::{Arc, Mutex, PoisonError};

use pipeline::{DeadLetters, Moment, Outputs, Record, Rejection, TopicId, TopicPartition, Unavailable, partition_for};
use schemas::redrive::{self, Redriven};
use schemas::{DeadLetter, Decoder, Headers, Record as _, SchemaSource, SourceError, wire};

use fit::Fit;

/// Largest dead letter, bytes: what its topic takes (topics.yaml), less 4 KiB for the record around it, the lengths of value and headers, and
/// what is said of headers that are left out.
const MAX_LETTER_BYTES: usize = (1_152 - 4) * 1024;

/// Writes the dead letters of one stage.
pub struct DeadLetterWriter {
    /// Names of the stage's input topics: the key is `<topic>-<partition>`.
    inputs: Vec<String>,
    /// Index of `dead_letters` among the stage's outputs.
    output: u16,
    partitions: u32,
    schema_id: u32,
    source: Arc<dyn SchemaSource>,
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
        let mut decoder = Decoder::new::<DeadLetter<'static>>(Arc::clone(&source));
        decoder.learn(schema_id)?;
        let inputs = inputs.iter().map(|&name| name.to_owned()).collect();
        Ok(Self { inputs, output, partitions, schema_id, source, decoder: Mutex::new(decoder) })
    }

    fn key(&self, source: TopicPartition) -> String {
        format!("{}-{}", self.inputs[usize::from(source.topic)], source.partition)
    }

    /// Whether a dead letter's key is that of a partition which the stage reads. Letters of others share the topic's partitions.
    fn is_of_an_input(&self, key: &[u8]) -> bool {
        let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let is_partition = |rest: &[u8]| rest.strip_prefix(b"-").is_some_and(is_number);
        self.inputs.iter().any(|input| key.strip_prefix(input.as_bytes()).is_some_and(is_partition))
    }

    /// Where the refused record stood, if the letter is one of `stage`.
    fn place(&self, stage: &str, value: &[u8]) -> Result<Option<(TopicId, u32, i64)>, String> {
        let mut decoder = self.decoder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = decoder.missing(value) {
            decoder.learn(id).map_err(|error| error.to_string())?;
        }
        let letter: DeadLetter<'_> = decoder.decode(value).map_err(|rejection| {
            // An answer is kept, but the registry may give another one when it is asked again.
            *decoder = Decoder::new::<DeadLetter<'static>>(Arc::clone(&self.source));
            rejection.to_string()
        })?;
        if letter.stage != stage {
            return Ok(None);
        }
        let partition = u32::try_from(letter.partition).map_err(|_| format!("partition {} is none", letter.partition))?;
        Ok(Some((TopicId(letter.topic_id), partition, letter.offset)))
    }
}

/// How often the stage has refused a record, this time included: a redriven one says how often it was before.
fn attempts(stage: &str, record: &Record<'_>) -> i64 {
    let redriven = record.header(redrive::HEADER).and_then(Redriven::parse);
    redriven.filter(|redriven| redriven.letter.stage == stage).map_or(1, |redriven| redriven.attempts.saturating_add(1))
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
        let source = self.key(moment.source);
        let mut letter = DeadLetter {
            topic_id: moment.topic_id.0,
            partition: i32::try_from(moment.source.partition).unwrap_or(i32::MAX),
            offset: record.offset,
            source: &source,
            stage,
            timestamp: record.timestamp_ms.saturating_mul(1000),
            key: record.key,
            value: None,
            value_length: record.value.map(|value| i64::try_from(value.len()).unwrap_or(i64::MAX)),
            value_sha256: None,
            headers: Headers::EMPTY,
            reason: rejection.reason,
            field: rejection.field,
            detail: &rejection.detail,
            software_version: env!("CARGO_PKG_VERSION"),
            failed_at: log_time_ms.saturating_mul(1000),
            attempts: attempts(stage, record),
        };
        let mut rest = Vec::new();
        letter.encode(&mut rest);
        let fit = Fit::of(record, MAX_LETTER_BYTES.saturating_sub(rest.len()));
        let mut headers = Vec::new();
        letter.headers = Headers::encode(fit.headers.iter().map(|(name, value)| (&**name, *value)), &mut headers);
        (letter.value, letter.value_sha256) = (fit.value, fit.value_sha256);
        let detail;
        if fit.headers_left_out > 0 {
            let kept = fit.headers.len();
            detail = format!("{} (the first {kept} of {} headers are kept)", rejection.detail, kept + fit.headers_left_out);
            letter.detail = &detail;
        }
        out.push_keyed(self.output, log_time_ms, &[source.as_bytes()], |value| {
            wire::frame(self.schema_id, value);
            letter.encode(value);
        });
    }

    fn refused(&self, stage: &str, letter: &Record<'_>) -> Result<Option<(TopicId, u32, i64)>, Unavailable> {
        let (Some(key), Some(value)) = (letter.key, letter.value) else { return Ok(None) };
        if !self.is_of_an_input(key) {
            return Ok(None);
        }
        let key = String::from_utf8_lossy(key);
        self.place(stage, value).map_err(|cause| Unavailable {
            what: format!("the dead letter of {key} at offset {} of {}", letter.offset, Self::TOPIC),
            cause,
        })
    }
}

#[cfg(test)]
mod tests;
