//! From a refusal by the schemas' rules to the pipeline's.

use pipeline::Outcome;
use schemas::Rejection;

/// The outcome of a record that was refused.
#[cold]
pub(crate) fn outcome(refused: Box<Rejection>) -> Outcome {
    let Rejection { reason, field, detail } = *refused;
    Outcome::Reject(Box::new(pipeline::Rejection { reason: reason.as_str(), field, detail }))
}
