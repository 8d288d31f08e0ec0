//! From a refusal by the schemas' rules to the pipeline's.

use pipeline::Outcome;
use schemas::Rejection;

/// The outcome of a record that was refused.
#[cold]
#[expect(clippy::boxed_local, reason = "refusals travel boxed, so that the good path pays for a pointer only")]
pub(crate) fn outcome(refused: Box<Rejection>) -> Outcome {
    let Rejection { reason, field, detail } = *refused;
    Outcome::Reject(Box::new(pipeline::Rejection { reason: reason.as_str(), field, detail }))
}
