//! What a command that runs on says meanwhile, on standard error: a line an event, for people on a terminal, as JSON elsewhere.
//!
//! No line holds what is personal (ids of profiles, accounts, sessions or devices, keys of records, addresses of viewers) or secret: refused
//! records are told of by their number and reason, everything else by stage, topic, partition and offset. Commands that answer and end keep
//! their one plain line of error.

mod line;
mod of_kafka;

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::commands::now_ms;
use crate::config::{LogFormat, LogSettings};
use line::{Fields, Line};
use of_kafka::{OfKafka, Said};

/// Events of other crates are theirs: what they say may hold anything.
const OURS: &str = env!("CARGO_CRATE_NAME");

/// Once the log is started: whether it is JSON.
static IS_JSON: OnceLock<bool> = OnceLock::new();

/// Starts the log of a command that runs on. A second call changes nothing.
pub(crate) fn start(settings: &LogSettings) {
    let is_json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let subscriber = tracing_subscriber::registry().with(Lines { is_json, level: settings.level });
    if tracing::subscriber::set_global_default(subscriber).is_err() || IS_JSON.set(is_json).is_err() {
        return;
    }
    if is_json {
        // A thread that breaks down says so as a line too.
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "a thread broke down: {}", panic.payload_as_str().unwrap_or("without a word"));
        }));
    }
}

/// Says why the program ends, as a line of the log. False where no log in JSON was started.
pub(crate) fn last_words(error: &str) -> bool {
    let is_json = IS_JSON.get() == Some(&true);
    if is_json {
        tracing::error!("{error}");
    }
    is_json
}

/// What librdkafka's clients have said, all of them: each says the same of the same broker.
static OF_KAFKA: Mutex<Option<OfKafka>> = Mutex::new(None);

/// Says something that comes from librdkafka, on any of its threads, where it is news. A command that answers and ends says of connections only
/// that it waits: why they did not come about stands in its last line.
pub(crate) fn of_kafka(line: &str) {
    let mut of_kafka = of_kafka_so_far();
    let so_far = of_kafka.get_or_insert_default();
    let Some(said) = so_far.hear(line, Instant::now()) else { return };
    let is_first = so_far.causes().len() == 1 && said.left_out == 0;
    drop(of_kafka);
    match (IS_JSON.get().is_some(), &said.broker) {
        (false, Some(_)) if is_first => warn(&format!("waiting for {said}")),
        (false, Some(_)) => {}
        _ => warn(&format!("kafka: {said}")),
    }
}

/// What keeps connections to brokers from coming about, oldest first: since the cluster last answered.
pub(crate) fn kafka_causes() -> Vec<Said> {
    of_kafka_so_far().as_ref().map_or_else(Vec::new, |heard| heard.causes().to_vec())
}

/// The cluster answers.
pub(crate) fn kafka_answers() {
    if let Some(so_far) = of_kafka_so_far().as_mut() {
        so_far.answered(Instant::now());
    }
}

fn of_kafka_so_far() -> MutexGuard<'static, Option<OfKafka>> {
    OF_KAFKA.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says what is wrong and does not end the command: in the log, where one was started.
pub(crate) fn warn(problem: &str) {
    if IS_JSON.get().is_some() {
        tracing::warn!("{problem}");
    } else {
        anstream::eprintln!("playhead: {problem}");
    }
}

/// Writes a line an event.
struct Lines {
    is_json: bool,
    level: LevelFilter,
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let is_ours = metadata.target().split("::").next() == Some(OURS);
        // Spans only say of what the events in them are.
        is_ours && (metadata.is_span() || *metadata.level() <= self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.extend(of_span);
            }
        }
        event.record(&mut fields);
        let line = Line { time_us: now_ms().unwrap_or_default() * 1_000, level: *event.metadata().level(), fields: &fields };
        // Where nobody reads any more there is nobody to tell.
        if self.is_json {
            writeln!(std::io::stderr().lock(), "{}", line.as_json()).ok();
        } else {
            writeln!(anstream::stderr().lock(), "{}", line.for_people()).ok();
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.set(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }
}
