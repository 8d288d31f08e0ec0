//! A registry somewhere else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use schemas::{SchemaSource, SourceError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;

use crate::bodies::{CompatibilityAnswer, IdAnswer, LevelAnswer, LevelRequest, SchemaAnswer, SchemaRequest, VersionAnswer};
use crate::exchange::{Exchange, Reply};
use crate::grace::Grace;
use crate::settings::{ClientSettings, SettingsError};
use crate::{FULL_TRANSITIVE, serve};

/// A client of any registry that speaks Confluent's API. It blocks while it asks, for [`ClientSettings::timeout`] at most for each address, and
/// tries once: whoever asks decides when to ask again.
///
/// An id stands for one schema for ever, so what was found is kept; what was not found is asked for anew each time.
#[derive(Debug)]
pub struct RegistryClient {
    exchange: Exchange,
    schemas: Mutex<HashMap<u32, String>>,
    /// Ids by subject and schema.
    ids: Mutex<HashMap<(String, String), u32>>,
    grace: Mutex<Grace>,
}

/// One version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// From 1.
    pub version: u32,
    /// The schema's id.
    pub id: u32,
    /// JSON.
    pub schema: String,
}

/// What a registry says of a schema that is not registered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compatibility {
    /// It would take it.
    Compatible,
    /// It would not, in its words.
    Incompatible(Vec<String>),
}

impl RegistryClient {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// Where the settings can't be used.
    pub fn new(settings: &ClientSettings) -> Result<Self, SettingsError> {
        Ok(Self {
            exchange: Exchange::new(settings)?,
            schemas: Mutex::default(),
            ids: Mutex::default(),
            grace: Mutex::new(Grace::new(settings.grace)),
        })
    }

    /// The subjects that there are.
    ///
    /// # Errors
    /// [`SourceError::Unavailable`], here and below, where no address answers.
    pub fn subjects(&self) -> Result<Vec<String>, SourceError> {
        self.get("/subjects")?.ok_or_else(|| SourceError::Unavailable("it has no list of subjects".to_owned()))
    }

    /// The time that the registry says it is, in the words of HTTP (`Sat, 21 Nov 2026 18:13:33 GMT`), where it says any.
    ///
    /// # Errors
    /// As above.
    pub fn date(&self) -> Result<Option<String>, SourceError> {
        self.exchange.date("/subjects").map_err(SourceError::Unavailable)
    }

    /// Id and version of a schema that is registered under a subject.
    ///
    /// # Errors
    /// As above; [`SourceError::Refused`] where it is no schema.
    pub fn lookup(&self, subject: &str, schema: &str) -> Result<Option<Version>, SourceError> {
        let answer: Option<VersionAnswer> = self.send(&Method::POST, &subject_path(subject), &asked(schema), subject)?;
        Ok(answer.map(version))
    }

    /// All versions of a subject, the oldest first; none of an unknown one.
    ///
    /// # Errors
    /// As above.
    pub fn versions(&self, subject: &str) -> Result<Vec<Version>, SourceError> {
        let path = format!("{}/versions", subject_path(subject));
        let numbers: Vec<u32> = self.get(&path)?.unwrap_or_default();
        let mut versions = Vec::with_capacity(numbers.len());
        for number in numbers {
            // One that was deleted since is none.
            versions.extend(self.get::<VersionAnswer>(&format!("{path}/{number}"))?.map(version));
        }
        Ok(versions)
    }

    /// The newest version of a subject.
    ///
    /// # Errors
    /// As above.
    pub fn latest(&self, subject: &str) -> Result<Option<Version>, SourceError> {
        Ok(self.get::<VersionAnswer>(&format!("{}/versions/latest", subject_path(subject)))?.map(version))
    }

    /// Holds a schema against all versions of a subject, by the registry's rules and at the subject's level. Nothing is registered.
    ///
    /// # Errors
    /// As for [`RegistryClient::lookup`].
    pub fn compatibility(&self, subject: &str, schema: &str) -> Result<Compatibility, SourceError> {
        let path = format!("/compatibility{}/versions?verbose=true", subject_path(subject));
        let answer: Option<CompatibilityAnswer> = self.send(&Method::POST, &path, &asked(schema), subject)?;
        Ok(match answer {
            Some(answer) if !answer.is_compatible => {
                Compatibility::Incompatible(answer.messages.unwrap_or_default().into_iter().chain(answer.reason).collect())
            }
            // Some say of an unknown subject that there is none.
            _ => Compatibility::Compatible,
        })
    }

    /// The compatibility level that holds for a subject, where the registry names one.
    ///
    /// # Errors
    /// As above.
    pub fn level(&self, subject: &str) -> Result<Option<String>, SourceError> {
        let path = format!("/config/{}?defaultToGlobal=true", serve::encode_segment(subject));
        Ok(self.get::<LevelAnswer>(&path)?.map(|answer| answer.compatibility_level))
    }

    /// Sees to it that a subject, which need not be there yet, is FULL_TRANSITIVE.
    ///
    /// # Errors
    /// As above; [`SourceError::Refused`] where the registry won't have it.
    pub fn require_full_transitive(&self, subject: &str) -> Result<(), SourceError> {
        if self.level(subject)?.as_deref() == Some(FULL_TRANSITIVE) {
            return Ok(());
        }
        let path = format!("/config/{}", serve::encode_segment(subject));
        let wanted = LevelRequest { compatibility: FULL_TRANSITIVE.to_owned() };
        match self.send::<serde_json::Value>(&Method::PUT, &path, &wanted, subject)? {
            Some(_) => Ok(()),
            None => Err(SourceError::Unavailable(format!("it has no place for the compatibility level of {subject}"))),
        }
    }

    fn add(&self, subject: &str, schema: &str) -> Result<u32, SourceError> {
        let path = format!("{}/versions", subject_path(subject));
        let answer: Option<IdAnswer> = self.send(&Method::POST, &path, &SchemaRequest::new(schema), subject)?;
        Ok(answer.ok_or_else(|| SourceError::Unavailable(format!("it has no place for subject {subject}")))?.id)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, SourceError> {
        match self.exchange.ask(&Method::GET, path, None).map_err(SourceError::Unavailable)? {
            Reply::Found(body) => parsed(&body).map(Some),
            Reply::Absent => Ok(None),
            Reply::Refused(words) => Err(SourceError::Unavailable(words)),
        }
    }

    fn send<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: &impl Serialize,
        subject: &str,
    ) -> Result<Option<T>, SourceError> {
        let body = serde_json::to_vec(body).map_err(|error| SourceError::Unavailable(error.to_string()))?;
        match self.exchange.ask(method, path, Some(&body)).map_err(SourceError::Unavailable)? {
            Reply::Found(body) => parsed(&body).map(Some),
            Reply::Absent => Ok(None),
            Reply::Refused(cause) => Err(SourceError::Refused { subject: subject.to_owned(), cause }),
        }
    }
}

impl SchemaSource for RegistryClient {
    /// None only once the registry has said so for as long as its grace.
    fn schema_by_id(&self, id: u32) -> Result<Option<String>, SourceError> {
        if let Some(schema) = held(&self.schemas).get(&id) {
            return Ok(Some(schema.clone()));
        }
        match self.get::<SchemaAnswer>(&format!("/schemas/ids/{id}"))? {
            Some(SchemaAnswer { schema }) => {
                held(&self.grace).found(id);
                held(&self.schemas).insert(id, schema.clone());
                Ok(Some(schema))
            }
            None if held(&self.grace).is_sure(id, Instant::now()) => Ok(None),
            None => Err(SourceError::Unavailable(format!("it does not know id {id} yet"))),
        }
    }

    /// Asks whether the schema is there before it is registered, so that who may only read can use what is there.
    fn register(&self, subject: &str, schema: &str) -> Result<u32, SourceError> {
        let schema = compact(schema);
        let key = (subject.to_owned(), schema);
        if let Some(id) = held(&self.ids).get(&key) {
            return Ok(*id);
        }
        let id = match self.lookup(subject, &key.1)? {
            Some(there) => there.id,
            None => match self.add(subject, &key.1) {
                // Another has registered it since, and some registries refuse who comes second at the same moment.
                Err(SourceError::Refused { subject: refused, cause }) => match self.lookup(subject, &key.1)? {
                    Some(there) => there.id,
                    None => return Err(SourceError::Refused { subject: refused, cause }),
                },
                added => added?,
            },
        };
        held(&self.ids).insert(key, id);
        Ok(id)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn version(answer: VersionAnswer) -> Version {
    Version { version: answer.version, id: answer.id, schema: answer.schema }
}

/// What answers 200 with something else is no registry, such as a page for signing in.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, SourceError> {
    serde_json::from_slice(body).map_err(|error| SourceError::Unavailable(format!("the answer is not a schema registry's: {error}")))
}

fn subject_path(subject: &str) -> String {
    format!("/subjects/{}", serve::encode_segment(subject))
}

fn asked(schema: &str) -> SchemaRequest {
    SchemaRequest::new(&compact(schema))
}

/// Without white space: some registries take a schema that is laid out otherwise for another one.
fn compact(schema: &str) -> String {
    serde_json::from_str::<serde_json::Value>(schema).map_or_else(|_| schema.to_owned(), |value| value.to_string())
}
