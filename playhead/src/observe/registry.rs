//! A schema registry, and whether it answers.

use std::sync::Arc;

use schemas::{SchemaSource, SourceError};

use super::Watch;

/// Notes what each question to a registry came to.
pub(crate) struct WatchedRegistry<R> {
    inner: R,
    watch: Arc<Watch>,
}

impl<R: SchemaSource> WatchedRegistry<R> {
    pub(crate) fn new(inner: R, watch: &Arc<Watch>) -> Self {
        Self { inner, watch: Arc::clone(watch) }
    }

    fn noted<T>(&self, answer: Result<T, SourceError>) -> Result<T, SourceError> {
        match &answer {
            Err(SourceError::Unavailable(why)) => self.watch.registry.failed(why),
            // A refusal is an answer.
            Ok(_) | Err(SourceError::Refused { .. }) => self.watch.registry.reached(),
        }
        answer
    }
}

impl<R: SchemaSource> SchemaSource for WatchedRegistry<R> {
    fn schema_by_id(&self, id: u32) -> Result<Option<String>, SourceError> {
        self.noted(self.inner.schema_by_id(id))
    }

    fn register(&self, subject: &str, schema: &str) -> Result<u32, SourceError> {
        self.noted(self.inner.register(subject, schema))
    }
}
