//! What goes wrong between a producer and its brokers, and how long it is waited for.

use std::time::{Duration, Instant};

use crate::wire::{ErrorCode, Malformed};

/// Why a producer could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ProducerError {
    /// The broker's answer.
    #[error("{what}: {code}")]
    Refused { what: String, code: ErrorCode },
    /// No answer, not in time, or one that makes no sense.
    #[error("{0}")]
    Unreachable(String),
}

impl ProducerError {
    pub(crate) fn is_fenced(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code.is_fenced())
    }

    /// Whether the same will fail again, however often it is tried.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code.is_final())
    }

    pub(super) const fn code(&self) -> ErrorCode {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Unreachable(_) => ErrorCode::NONE,
        }
    }
}

impl From<Malformed> for ProducerError {
    fn from(malformed: Malformed) -> Self {
        Self::Unreachable(malformed.to_string())
    }
}

/// Ok where the code says so.
pub(super) fn check(what: &str, code: ErrorCode) -> Result<(), ProducerError> {
    if code.is_none() { Ok(()) } else { Err(ProducerError::Refused { what: what.to_owned(), code }) }
}

/// Until when an answer is waited for, and what to do meanwhile.
pub(crate) struct Wait<'w> {
    until: Instant,
    limit: Duration,
    alive: &'w dyn Fn(),
}

impl<'w> Wait<'w> {
    pub(crate) fn new(limit: Duration, alive: &'w dyn Fn()) -> Self {
        Self { until: Instant::now() + limit, limit, alive }
    }

    /// The same with an end that is not later.
    pub(super) fn at_most(&self, limit: Duration) -> Self {
        let sooner = Self::new(limit, self.alive);
        if sooner.until < self.until { sooner } else { Self { ..*self } }
    }

    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// A sign of life.
    ///
    /// # Errors
    /// Where the time is over.
    pub(super) fn go_on(&self, what: &str) -> Result<(), ProducerError> {
        (self.alive)();
        if self.left().is_zero() {
            return Err(ProducerError::Unreachable(format!("{what}: no answer within {} ms", self.limit.as_millis())));
        }
        Ok(())
    }

    /// Waits a little before the next try.
    ///
    /// # Errors
    /// Where the time is over.
    pub(super) fn pause(&self, pause: Duration, what: &str) -> Result<(), ProducerError> {
        self.go_on(what)?;
        std::thread::sleep(pause.min(self.left()));
        Ok(())
    }
}
