//! Decodes values of one record by the schema id that each carries. Ids that were not seen before are asked of a registry, once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::registry::Registry;

use crate::{Plan, PlanError, PlaybackEvent, Reason, Record, Rejection, record, wire};

/// Where schemas are kept: a registry, local or remote.
pub trait SchemaSource: Send + Sync {
    /// The schema (JSON) with this id; none where the registry is sure that there is none.
    ///
    /// # Errors
    /// Where the registry does not answer: down is not unknown.
    fn schema_by_id(&self, id: u32) -> Result<Option<String>, SourceError>;

    /// The id of a schema under a subject, registering it where it is new.
    ///
    /// # Errors
    /// Where the registry does not answer, or refuses the schema as incompatible.
    fn register(&self, subject: &str, schema: &str) -> Result<u32, SourceError>;
}

/// A registry that did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It did not answer: try again later.
    #[error("the schema registry is not available: {0}")]
    Unavailable(String),
    /// It refused.
    #[error("the schema registry refused {subject}: {cause}")]
    Refused {
        /// The subject.
        subject: String,
        /// Its words.
        cause: String,
    },
}

impl SchemaSource for Mutex<Registry> {
    fn schema_by_id(&self, id: u32) -> Result<Option<String>, SourceError> {
        Ok(self.lock().unwrap_or_else(PoisonError::into_inner).by_id(id).map(str::to_owned))
    }

    fn register(&self, subject: &str, schema: &str) -> Result<u32, SourceError> {
        let registered = self.lock().unwrap_or_else(PoisonError::into_inner).register(subject, schema);
        registered.map_err(|error| SourceError::Refused { subject: subject.to_owned(), cause: error.to_string() })
    }
}

/// After so many values with an id that no schema had, the registry is asked again: rubbish may hold any id, and the registry gives that very
/// id to a schema one day.
const ASKED_AGAIN_AFTER: u32 = 1_000;

/// What is known of a schema id.
enum Known {
    Plan(Plan),
    /// Every value with this id is refused.
    Refused(Reason, String),
    /// Values with this id are refused as long as no schema has it.
    Unknown {
        detail: String,
        /// Values that were seen since the registry was asked.
        values: AtomicU32,
    },
}

/// Decodes values of one record, whatever version they were written in.
pub struct Decoder {
    source: Arc<dyn SchemaSource>,
    compile: fn(&str) -> Result<Plan, PlanError>,
    /// A topic has seen a handful of schemas at most: a list is searched faster than a map.
    known: Vec<(u32, Known)>,
}

impl Decoder {
    /// For values of `R`.
    #[must_use]
    pub fn new<R: Record<'static>>(source: Arc<dyn SchemaSource>) -> Self {
        Self { source, compile: Plan::compile::<R>, known: Vec::new() }
    }

    /// The schema id of `value`, where it has to be learnt before the value can be decoded.
    #[must_use]
    pub fn missing(&self, value: &[u8]) -> Option<u32> {
        let (id, _) = wire::split(value).ok()?;
        match self.find(id) {
            None => Some(id),
            Some(Known::Unknown { values, .. }) => (values.fetch_add(1, Ordering::Relaxed) + 1 >= ASKED_AGAIN_AFTER).then_some(id),
            Some(Known::Plan(_) | Known::Refused(..)) => None,
        }
    }

    /// Asks for a schema id. A schema is kept: ids are never given twice. That there is none holds for a number of values.
    ///
    /// # Errors
    /// Where the registry does not answer.
    pub fn learn(&mut self, id: u32) -> Result<(), SourceError> {
        let known = match self.source.schema_by_id(id)? {
            None => Known::Unknown { detail: format!("the registry knows no schema {id}"), values: AtomicU32::new(0) },
            Some(schema) => match (self.compile)(&schema) {
                Ok(plan) => Known::Plan(plan),
                Err(error) => Known::Refused(Reason::WrongSchemaForTopic, format!("schema {id}: {error}")),
            },
        };
        self.known.retain(|(other, _)| *other != id);
        self.known.push((id, known));
        Ok(())
    }

    /// The plan for a learnt id, where values of it can be read.
    #[must_use]
    pub fn plan(&self, id: u32) -> Option<&Plan> {
        match self.find(id) {
            Some(Known::Plan(plan)) => Some(plan),
            _ => None,
        }
    }

    /// Splits a value into the plan and the body to read with it.
    ///
    /// # Errors
    /// Where the value is not framed, or its schema is unknown or another record's. An id that was not learnt counts as unknown.
    #[inline]
    pub fn open<'a>(&self, value: &'a [u8]) -> Result<(u32, &Plan, &'a [u8]), Box<Rejection>> {
        let (id, body) = wire::split(value)?;
        match self.find(id) {
            Some(Known::Plan(plan)) => Ok((id, plan, body)),
            Some(Known::Refused(reason, detail)) => Err(Rejection::of_record(*reason, detail.as_str())),
            Some(Known::Unknown { detail, .. }) => Err(Rejection::of_record(Reason::UnknownSchemaId, detail.as_str())),
            None => Err(Rejection::of_record(Reason::UnknownSchemaId, format!("schema {id} was not asked for"))),
        }
    }

    /// Decodes a value.
    ///
    /// # Errors
    /// What [`Decoder::open`] and the record's own decoder refuse.
    pub fn decode<'a, R: Record<'a>>(&self, value: &'a [u8]) -> Result<R, Box<Rejection>> {
        let (_, plan, body) = self.open(value)?;
        R::decode(plan, body)
    }

    #[inline]
    fn find(&self, id: u32) -> Option<&Known> {
        self.known.iter().find(|(known, _)| *known == id).map(|(_, known)| known)
    }
}

impl<'a> PlaybackEvent<'a> {
    /// Decodes an event that was accepted before, whatever today's limits say of it.
    ///
    /// # Errors
    /// Where it is not an event at all.
    pub fn decode_accepted(plan: &Plan, body: &'a [u8]) -> Result<Self, Box<Rejection>> {
        let mut event = Self::default();
        record::decode_into::<Self, false>(&mut event, plan, body)?;
        event.forget_rate_zero();
        Ok(event)
    }
}
