//! Schemas and versions: asked for, registered, held against others.

use schemas::Schema;
use schemas::compatibility::{Incompatibility, Released, check_full_transitive};
use schemas::registry::{Registered, Registry};
use serde_json::Value;

use super::{Answer, Failure, Keep};
use crate::bodies::{CompatibilityAnswer, IdAnswer, PlaceAnswer, SchemaAnswer, SchemaRequest, VersionAnswer};
use crate::codes;

/// Longest name of a subject, bytes.
const SUBJECT_BYTES: usize = 255;

/// What schemas and subjects may take together: each change writes all of it.
const REGISTRY_BYTES: usize = 16 << 20;

/// Which version of a subject.
enum Asked {
    Latest,
    Number(u32),
}

pub(super) fn by_id(registry: &impl Keep, id: &str) -> Result<Answer, Failure> {
    let schema = registry.read(|registry| known(registry, id).map(|(_, schema)| schema.to_owned()))?;
    Answer::json(&SchemaAnswer { schema })
}

pub(super) fn bare_by_id(registry: &impl Keep, id: &str) -> Result<Answer, Failure> {
    registry.read(|registry| known(registry, id).map(|(_, schema)| bare(schema)))
}

pub(super) fn places(registry: &impl Keep, id: &str) -> Result<Answer, Failure> {
    Answer::json(&registry.read(|registry| known(registry, id).map(|(id, _)| places_of(registry, id)))?)
}

pub(super) fn subjects_of(registry: &impl Keep, id: &str) -> Result<Answer, Failure> {
    let places = registry.read(|registry| known(registry, id).map(|(id, _)| places_of(registry, id)))?;
    Answer::json(&places.into_iter().map(|place| place.subject).collect::<Vec<_>>())
}

pub(super) fn subjects(registry: &impl Keep) -> Result<Answer, Failure> {
    Answer::json(&registry.read(|registry| registry.subjects().map(str::to_owned).collect::<Vec<_>>()))
}

pub(super) fn versions(registry: &impl Keep, subject: &str) -> Result<Answer, Failure> {
    let numbers: Vec<u32> = registry.read(|registry| registry.versions(subject).map(|version| version.version).collect());
    if numbers.is_empty() {
        return Err(Failure::no_subject(subject));
    }
    Answer::json(&numbers)
}

pub(super) fn version(registry: &impl Keep, subject: &str, version: &str) -> Result<Answer, Failure> {
    Answer::json(&registry.read(|registry| one(registry, subject, version).map(|registered| version_answer(subject, registered)))?)
}

pub(super) fn bare_version(registry: &impl Keep, subject: &str, version: &str) -> Result<Answer, Failure> {
    registry.read(|registry| one(registry, subject, version).map(|registered| bare(registered.schema)))
}

pub(super) fn lookup(registry: &impl Keep, subject: &str, body: &[u8]) -> Result<Answer, Failure> {
    let schema = schema_of(body)?;
    let found = registry.read(|registry| {
        if registry.latest(subject).is_none() {
            return Err(Failure::no_subject(subject));
        }
        let id = registry.id_of(&schema);
        let version = registry.versions(subject).find(|version| Some(version.id) == id);
        version
            .map(|version| version_answer(subject, version))
            .ok_or_else(|| Failure::new(404, codes::SCHEMA_NOT_FOUND, "Schema not found"))
    })?;
    Answer::json(&found)
}

pub(super) fn register(registry: &impl Keep, subject: &str, body: &[u8]) -> Result<Answer, Failure> {
    let schema = schema_of(body)?;
    if subject.len() > SUBJECT_BYTES || subject.chars().any(char::is_control) {
        let problem = format!("a subject has at most {SUBJECT_BYTES} bytes, and no control characters");
        return Err(Failure::new(422, codes::INVALID_SUBJECT, problem));
    }
    if registry.read(Registry::size_bytes) + schema.len() > REGISTRY_BYTES {
        let problem = format!("this registry holds {REGISTRY_BYTES} bytes at most, and is full");
        return Err(Failure::new(422, codes::SCHEMA_TOO_LARGE, problem));
    }
    Answer::json(&IdAnswer { id: registry.register(subject, &schema)? })
}

/// Holds a schema against one version, or against all where none is named; nothing is registered.
pub(super) fn compatibility(
    registry: &impl Keep,
    subject: &str,
    version: Option<&str>,
    body: &[u8],
    is_verbose: bool,
) -> Result<Answer, Failure> {
    let schema = schema_of(body)?;
    Schema::parse(&schema).map_err(|error| Failure::invalid_schema(error.to_string()))?;
    let messages: Vec<Incompatibility> = registry.read(|registry| {
        let versions = match version {
            None => registry.versions(subject).collect(),
            Some(version) => vec![one(registry, subject, version)?],
        };
        let released: Vec<_> = versions.iter().map(|old| Released { version: old.version, schema: old.schema }).collect();
        Ok::<_, Failure>(check_full_transitive(&schema, &released).err().unwrap_or_default())
    })?;
    Answer::json(&CompatibilityAnswer {
        is_compatible: messages.is_empty(),
        messages: is_verbose.then(|| messages.iter().map(ToString::to_string).collect()),
        reason: None,
    })
}

/// The schema in a request; what this registry does not keep is refused.
fn schema_of(body: &[u8]) -> Result<String, Failure> {
    let request: SchemaRequest =
        serde_json::from_slice(body).map_err(|error| Failure::new(400, 400, format!("the body is not {{\"schema\": ...}}: {error}")))?;
    if let Some(kind) = request.schema_type.filter(|kind| kind != "AVRO") {
        return Err(Failure::invalid_schema(format!("{kind:?} is not kept here: only AVRO")));
    }
    if request.references.is_some_and(|references| !references.is_empty()) {
        return Err(Failure::invalid_schema("references are not kept here: write the types out where they are used first"));
    }
    if request.id.is_some_and(|id| id > 0) {
        return Err(Failure::new(422, codes::OPERATION_NOT_PERMITTED, "ids are given here, and not taken"));
    }
    Ok(request.schema)
}

fn known<'r>(registry: &'r Registry, id: &str) -> Result<(u32, &'r str), Failure> {
    let number: u32 = id.parse().map_err(|_| Failure::new(404, 404, "HTTP 404 Not Found"))?;
    registry.by_id(number).map(|schema| (number, schema)).ok_or_else(|| Failure::no_schema(id))
}

fn places_of(registry: &Registry, id: u32) -> Vec<PlaceAnswer> {
    let place = |subject: &str| {
        let version = registry.versions(subject).find(|version| version.id == id)?.version;
        Some(PlaceAnswer { subject: subject.to_owned(), version })
    };
    registry.subjects().filter_map(place).collect()
}

fn one<'r>(registry: &'r Registry, subject: &str, version: &str) -> Result<Registered<'r>, Failure> {
    let latest = registry.latest(subject);
    let asked = match version {
        "latest" | "-1" => Asked::Latest,
        number => Asked::Number(number.parse().ok().filter(|number| (1..=0x7fff_ffff).contains(number)).ok_or_else(|| {
            let problem = format!("{number:?} is no version: a number from 1 to 2147483647, or latest");
            Failure::new(422, codes::INVALID_VERSION, problem)
        })?),
    };
    let latest = latest.ok_or_else(|| Failure::no_subject(subject))?;
    match asked {
        Asked::Latest => Ok(latest),
        Asked::Number(number) => registry.versions(subject).find(|old| old.version == number).ok_or_else(|| Failure::no_version(version)),
    }
}

fn version_answer(subject: &str, registered: Registered<'_>) -> VersionAnswer {
    VersionAnswer { subject: subject.to_owned(), version: registered.version, id: registered.id, schema: registered.schema.to_owned() }
}

/// The schema itself, which is JSON.
fn bare(schema: &str) -> Answer {
    debug_assert!(serde_json::from_str::<Value>(schema).is_ok(), "only JSON is registered");
    Answer { status: 200, body: schema.as_bytes().to_vec() }
}
