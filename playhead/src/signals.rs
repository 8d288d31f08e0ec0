//! SIGINT and SIGTERM, for processes without a server.

use anyhow::Context as _;
use pipeline::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

/// From here on a signal does not end the process, but asks it to end.
///
/// # Errors
/// Where signals can't be waited for.
pub(crate) fn ask_to_end(shutdown: &Shutdown) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().context("cannot wait for signals")?;
    let entered = runtime.enter();
    let caught = |kind| signal(kind).context("cannot wait for signals");
    let (mut interrupt, mut terminate) = (caught(SignalKind::interrupt())?, caught(SignalKind::terminate())?);
    drop(entered);
    let shutdown = shutdown.clone();
    // It goes with the process.
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        shutdown.request();
    })?;
    Ok(())
}
