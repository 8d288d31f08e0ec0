//! Decoders for what is in the file, by the schemas kept in it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use schemas::{Decoder, PlaybackSession, QosSessionSummary, ResumeState, SchemaSource, SourceError};

/// The schemas of the file, by the id in the framing of its values.
#[derive(Default)]
pub(crate) struct KeptSchemas {
    by_id: RwLock<BTreeMap<u32, String>>,
}

impl KeptSchemas {
    pub(crate) fn of(by_id: BTreeMap<u32, String>) -> Self {
        Self { by_id: RwLock::new(by_id) }
    }

    pub(crate) fn insert(&self, id: u32, schema: String) {
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).insert(id, schema);
    }

    pub(crate) fn contains(&self, id: u32) -> bool {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }

    pub(crate) fn ids(&self) -> Vec<u32> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}

impl SchemaSource for KeptSchemas {
    fn schema_by_id(&self, id: u32) -> Result<Option<String>, SourceError> {
        Ok(self.by_id.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned())
    }

    fn register(&self, subject: &str, _: &str) -> Result<u32, SourceError> {
        Err(SourceError::Refused { subject: subject.to_owned(), cause: "a serving store registers nothing".into() })
    }
}

/// One decoder for each record in the file.
pub(crate) struct Decoders {
    pub(crate) playback_session: Decoder,
    pub(crate) qos_session_summary: Decoder,
    pub(crate) resume_state: Decoder,
}

impl Decoders {
    /// Knows every schema that the file holds now. An id that is another record's is refused by the two decoders that it is not for.
    pub(crate) fn new(kept: &Arc<KeptSchemas>) -> Result<Self, SourceError> {
        let source: Arc<dyn SchemaSource> = Arc::clone(kept) as _;
        let mut decoders = Self {
            playback_session: Decoder::new::<PlaybackSession<'static>>(Arc::clone(&source)),
            qos_session_summary: Decoder::new::<QosSessionSummary<'static>>(Arc::clone(&source)),
            resume_state: Decoder::new::<ResumeState<'static>>(source),
        };
        for id in kept.ids() {
            decoders.learn(id)?;
        }
        Ok(decoders)
    }

    pub(crate) fn learn(&mut self, id: u32) -> Result<(), SourceError> {
        self.playback_session.learn(id)?;
        self.qos_session_summary.learn(id)?;
        self.resume_state.learn(id)
    }
}
