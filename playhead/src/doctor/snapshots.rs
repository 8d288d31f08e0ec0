//! Where states are saved: a file is written, read and deleted there.

use std::io;

use super::{Findings, bounded};
use crate::config::Config;
use crate::snapshot_stores::{self, SnapshotPlace};

/// Beside the folders of stages.
const FOLDER: &str = "doctor";
const NAME: &str = "probe";
const PROBE: &[u8] = b"playhead doctor was here";

pub(super) fn examine(config: &Config, findings: &mut Findings<'_>) -> io::Result<()> {
    let check = "saved states";
    let (place, data) = (config.state.snapshots.clone(), config.data.clone());
    let shown = place.to_string();
    // What is not there yet is made by the first command that writes.
    if !data.exists() && matches!(place, SnapshotPlace::DataFolder) {
        return findings.ok(check, &format!("{shown} are not there yet"));
    }
    let probed = bounded(move || -> anyhow::Result<()> {
        let store = snapshot_stores::open(&place, &data, FOLDER)?;
        let mut file = store.create(FOLDER, NAME)?;
        file.append(PROBE)?;
        file.finish(NAME)?;
        let read = store.read(FOLDER, NAME);
        store.delete(FOLDER, NAME)?;
        if let Some(folder) = place.folder(&data) {
            // Its folder goes too, unless another doctor is at work there.
            std::fs::remove_dir(folder.join(FOLDER)).ok();
        }
        anyhow::ensure!(read? == PROBE, "what was written is not what is read");
        Ok(())
    });
    let mend = "states are then restored from the log, which takes long: look at state.snapshots, the rights there, and for S3 at \
                AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and state.s3_endpoint";
    match probed {
        Ok(Ok(())) => findings.ok(check, &format!("{shown}: a probe was written, read and deleted")),
        Ok(Err(error)) => findings.failure(check, &format!("{shown}: {error:#}"), mend),
        Err(silence) => findings.failure(check, &format!("{shown}: {silence}"), mend),
    }
}
