//! Letters as they lie in `dead_letters`.

use std::sync::Arc;

use schemas::{DeadLetter, Decoder, SchemaSource, SourceError};

/// Why a record of `dead_letters` is no letter that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Reads letters, whatever version wrote them.
pub struct Letters {
    decoder: Decoder,
}

impl Letters {
    /// With the schemas of a registry.
    #[must_use]
    pub fn new(source: Arc<dyn SchemaSource>) -> Self {
        Self { decoder: Decoder::new::<DeadLetter<'static>>(source) }
    }

    /// Reads the value of a record. The inner error is what is wrong with it.
    ///
    /// # Errors
    /// Where the registry does not answer.
    pub fn read<'v>(&mut self, value: Option<&'v [u8]>) -> Result<Result<DeadLetter<'v>, Unreadable>, SourceError> {
        let Some(value) = value else { return Ok(Err(Unreadable("it has no value".to_owned()))) };
        if let Some(id) = self.decoder.missing(value) {
            self.decoder.learn(id)?;
        }
        let letter = self.decoder.decode::<DeadLetter<'_>>(value).map_err(|rejection| Unreadable(rejection.to_string()));
        Ok(letter.and_then(|letter| match u32::try_from(letter.partition) {
            Ok(_) => Ok(letter),
            Err(_) => Err(Unreadable(format!("partition {} is none", letter.partition))),
        }))
    }
}
