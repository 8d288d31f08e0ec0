//! `playhead doctor`: looks at everything that a deployment rests on, and says what to mend. It changes nothing: probes are deleted again, and
//! the data folder is opened as by any command that reads.
//!
//! Every question is bounded in time: what does not answer is a finding like any other, and whatever rests on it is left out, which is said.

mod brokers;
mod clock;
mod data_folder;
mod findings;
mod groups;
mod registry;
mod snapshots;
mod topics;
mod transactions;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(crate) use findings::{Findings, Status};

use crate::config::Config;

/// How long one question may take that has no bound of its own.
const PATIENCE: Duration = Duration::from_secs(20);

/// Examines what the configuration names. `is_dev`: one broker is enough.
pub(crate) fn examine(config: &Config, is_dev: bool, findings: &mut Findings<'_>) -> std::io::Result<()> {
    data_folder::examine(config, findings)?;
    snapshots::examine(config, findings)?;
    let client = registry::examine(config, findings)?;
    clock::examine(client.as_ref(), findings)?;
    let Some((admin, brokers)) = brokers::examine(config, findings)? else { return Ok(()) };
    let Some(found) = topics::examine(&admin, brokers.len(), is_dev, findings)? else { return Ok(()) };
    transactions::examine(config, &admin, &brokers, &found, findings)?;
    groups::examine(&admin, &found, findings)
}

/// Does something that may hang, but waits no longer than [`PATIENCE`]: then it is left to itself.
fn bounded<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (done, waiting) = mpsc::channel();
    // Where nobody waits any more, nobody is told.
    thread::spawn(move || done.send(what()).ok());
    waiting.recv_timeout(PATIENCE).map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))
}
