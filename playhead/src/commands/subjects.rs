//! What a schema registry holds under our topics' subjects.

use registry::{Compatibility, FULL_TRANSITIVE, RegistryClient};
use schemas::SourceError;
use schemas::compatibility::{Released, check_full_transitive, schemas_of};
use schemas::registry::value_subject;
use schemas::topics;
use serde_json::Value;

/// The schema of a topic, and what the registry has under its subject.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) record: &'static str,
    /// The schema of this version, JSON.
    pub(crate) schema: &'static str,
    /// Versions that the registry has.
    pub(crate) versions: Vec<u32>,
    /// Id and version of our schema, where it is there.
    pub(crate) there: Option<(u32, u32)>,
    /// The subject's compatibility level, where the registry names one.
    pub(crate) level: Option<String>,
    /// Why the registry can't take our schema.
    pub(crate) refused: Vec<String>,
}

impl Subject {
    /// Whether the registry keeps incompatible schemas out of the subject.
    pub(crate) fn is_guarded(&self) -> bool {
        self.level.as_deref() == Some(FULL_TRANSITIVE)
    }
}

/// Asks for the subject of every topic, in the order of topics.yaml. Our own rules come first: they name the field.
pub(crate) fn ask(client: &RegistryClient) -> Result<Vec<Subject>, SourceError> {
    let subject = |topic: &topics::Topic| {
        let ours = schemas_of(&topic.schema).expect("every topic's record has a schema: the topics are checked against the catalogue");
        let name = value_subject(&topic.name);
        let versions = client.versions(&name)?;
        let json = |schema: &str| serde_json::from_str::<Value>(schema).ok();
        let there =
            versions.iter().find(|version| json(&version.schema) == json(ours.current)).map(|version| (version.id, version.version));
        let released: Vec<_> = versions.iter().map(|old| Released { version: old.version, schema: &old.schema }).collect();
        let refused = match check_full_transitive(ours.current, &released) {
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
            Ok(()) if there.is_some() => Vec::new(),
            Ok(()) => match client.compatibility(&name, ours.current)? {
                Compatibility::Compatible => Vec::new(),
                Compatibility::Incompatible(words) => words,
            },
        };
        let level = client.level(&name)?;
        let versions = versions.iter().map(|version| version.version).collect();
        Ok(Subject { name, record: ours.record, schema: ours.current, versions, there, level, refused })
    };
    topics::builtin().iter().map(subject).collect()
}
