//! A schema registry in memory: what the embedded mode serves and keeps in its data folder.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::compatibility::{Incompatibility, Released, check_full_transitive};
use crate::schema::{Schema, SchemaError};

/// Schemas by id, and the versions of each subject. A subject's compatibility is FULL_TRANSITIVE.
///
/// An id stands for one schema everywhere, whatever subjects have it. Schemas are the same where their JSON is, white space and the order
/// of keys aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// Schemas as they were registered; the id is the index + 1.
    schemas: Vec<String>,
    /// Ids by subject, version 1 first.
    subjects: BTreeMap<String, Vec<u32>>,
}

/// A schema as the registry knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered<'r> {
    /// Its id in the framing.
    pub id: u32,
    /// Its version under the subject, from 1.
    pub version: u32,
    /// JSON.
    pub schema: &'r str,
}

/// Why a schema was not registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It is no schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// It does not go with what the subject has.
    #[error("{subject}: not FULL_TRANSITIVE: {}", listed(.errors))]
    Incompatible {
        /// The subject.
        subject: String,
        /// What is wrong.
        errors: Vec<Incompatibility>,
    },
}

fn listed(errors: &[Incompatibility]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The subject of a topic's values (TopicNameStrategy).
#[must_use]
pub fn value_subject(topic: &str) -> String {
    format!("{topic}-value")
}

impl Registry {
    /// A registry without schemas.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a schema under a subject and returns its id. What the subject has already keeps its id.
    ///
    /// # Errors
    /// [`RegistryError`]; the registry is as before.
    pub fn register(&mut self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        Schema::parse(schema)?;
        let known = self.id_of(schema);
        let versions = self.subjects.get(subject).map_or(&[][..], Vec::as_slice);
        if let Some(id) = known.filter(|id| versions.contains(id)) {
            return Ok(id);
        }
        let released: Vec<_> = self.versions(subject).map(|old| Released { version: old.version, schema: old.schema }).collect();
        check_full_transitive(schema, &released).map_err(|errors| RegistryError::Incompatible { subject: subject.to_owned(), errors })?;
        let id = known.unwrap_or_else(|| {
            self.schemas.push(schema.to_owned());
            u32::try_from(self.schemas.len()).expect("a registry has fewer than 2^32 schemas")
        });
        self.subjects.entry(subject.to_owned()).or_default().push(id);
        Ok(id)
    }

    /// The schema with this id.
    #[must_use]
    pub fn by_id(&self, id: u32) -> Option<&str> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        self.schemas.get(index).map(String::as_str)
    }

    /// The id of a schema, under whatever subject.
    #[must_use]
    pub fn id_of(&self, schema: &str) -> Option<u32> {
        let value: Value = serde_json::from_str(schema).ok()?;
        let same = |known: &String| known == schema || serde_json::from_str::<Value>(known).is_ok_and(|known| known == value);
        self.schemas.iter().position(same).and_then(|index| u32::try_from(index + 1).ok())
    }

    /// The newest version of a subject.
    #[must_use]
    pub fn latest(&self, subject: &str) -> Option<Registered<'_>> {
        self.versions(subject).last()
    }

    /// All versions of a subject, the oldest first; none of an unknown one.
    pub fn versions(&self, subject: &str) -> impl Iterator<Item = Registered<'_>> {
        let ids = self.subjects.get(subject).into_iter().flatten();
        (1..).zip(ids).filter_map(|(version, id)| Some(Registered { id: *id, version, schema: self.by_id(*id)? }))
    }

    /// What schemas and subjects take, bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let subjects = self.subjects.iter().map(|(name, ids)| name.len() + ids.len() * size_of::<u32>());
        self.schemas.iter().map(String::len).chain(subjects).sum()
    }

    /// The subjects, in order of name.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        self.subjects.keys().map(String::as_str)
    }
}
