//! The data folder: writable, of formats that this program knows, with room on its disk.

use std::fs;
use std::io;
use std::path::Path;

use super::Findings;
use crate::config::Config;
use crate::data_folder::{DataFolder, InUse};

const GIB: u64 = 1 << 30;
/// Below this much free space nothing is written for long; below that it is time to act.
const TOO_LITTLE: u64 = GIB / 2;
const LITTLE: u64 = 5 * GIB;

pub(super) fn examine(config: &Config, findings: &mut Findings<'_>) -> io::Result<()> {
    let (path, check) = (&config.data, "data folder");
    let shown = path.display();
    if !path.exists() {
        return findings.ok(check, &format!("{shown} is not there yet, and is made by the first command that writes"));
    }
    let probe = path.join(format!(".doctor-{}", std::process::id()));
    match fs::write(&probe, b"probe").and_then(|()| fs::remove_file(&probe)) {
        Ok(()) => findings.ok(check, &format!("{shown} is writable"))?,
        Err(error) => findings.failure(
            check,
            &format!("{shown} is not writable: {error}"),
            "give the user that runs playhead the right to write there, or name another folder with --data",
        )?,
    }
    formats(path, findings)?;
    room(path, findings)
}

fn formats(path: &Path, findings: &mut Findings<'_>) -> io::Result<()> {
    let check = "data formats";
    if !path.join("log.redb").exists() {
        return findings.ok(check, "there is no log in it");
    }
    match DataFolder::open(path) {
        Ok(_) => findings.ok(check, "log, store and schemas are of formats that this version knows"),
        Err(error) => match error.downcast_ref::<InUse>() {
            Some(in_use) => findings.ok(check, &format!("{} works with them, so they are known", in_use.owner())),
            None => findings.failure(check, &format!("{error:#}"), "use the version that wrote them, or put back a copy"),
        },
    }
}

fn room(path: &Path, findings: &mut Findings<'_>) -> io::Result<()> {
    let check = "disk space";
    match rustix::fs::statvfs(path) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let detail = format!("{:.1} GiB free", free as f64 / GIB as f64);
            let mend = "make room, or move the data folder: a log that cannot grow stops everything";
            match free {
                free if free < TOO_LITTLE => findings.failure(check, &detail, mend),
                free if free < LITTLE => findings.warning(check, &detail, mend),
                _ => findings.ok(check, &detail),
            }
        }
        Err(error) => findings.warning(check, &format!("cannot be asked for: {error}"), "look yourself"),
    }
}
