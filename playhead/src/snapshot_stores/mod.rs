//! Where saved states go: a folder of the file system, or an object store that every host reaches.

mod object;
mod place;
mod remote;
mod s3;

#[cfg(test)]
mod conformance;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use pipeline::{FolderStore, SnapshotStore};

use object::ObjectSnapshots;
pub(crate) use place::{Bucket, SnapshotPlace, endpoint};
use remote::Remote;

/// Opens the place for one stage, which is alone in using it under the data folder `data`.
///
/// # Errors
/// Where the environment's settings for S3 make no client, or the folder of local copies can't be used. That the place does not answer is
/// none: a run without saved states goes on.
pub(crate) fn open(place: &SnapshotPlace, data: &Path, stage: &str) -> anyhow::Result<Arc<dyn SnapshotStore>> {
    let bucket = match place {
        SnapshotPlace::DataFolder => return Ok(Arc::new(FolderStore::new(data.join("snapshots")))),
        SnapshotPlace::Folder(folder) => return Ok(Arc::new(FolderStore::new(folder.clone()))),
        SnapshotPlace::S3(bucket) => bucket,
    };
    let open = || -> anyhow::Result<ObjectSnapshots> {
        let client = s3::client(bucket).map_err(|error| anyhow::anyhow!(remote::first_cause(&error)))?;
        let remote = Remote::new(Arc::new(client), bucket.address(), remote::WAIT)?;
        Ok(ObjectSnapshots::open(remote, &bucket.prefix, data.join("snapshots-cache"), stage)?)
    };
    Ok(Arc::new(open().with_context(|| format!("state.snapshots: {}", bucket.address()))?))
}
