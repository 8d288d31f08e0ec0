//! `playhead backup`

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context as _;

use super::ask_owner;
use crate::answer::Answer;
use crate::cli::Backup;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;

pub(super) fn run(args: &Backup, _: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    match DataFolder::open(&args.folder) {
        Ok(folder) => copy(&folder, args, answer),
        Err(error) => {
            // The owner runs elsewhere.
            let to: PathBuf = std::path::absolute(&args.to).with_context(|| format!("cannot find {}", args.to.display()))?;
            let words: [OsString; 4] = ["backup".into(), "--".into(), args.folder.clone().into(), to.into()];
            ask_owner(error, answer.is_json.then(|| "--json".into()).into_iter().chain(words))
        }
    }
}

/// Copies an opened folder.
pub(super) fn copy(folder: &DataFolder, args: &Backup, answer: &mut Answer) -> anyhow::Result<Verdict> {
    folder.back_up(&args.to)?;
    if answer.is_json {
        answer.json(&serde_json::json!({"backup": args.to}))?;
    } else {
        answer.line(&format!("a copy of {} lies in {}", args.folder.display(), args.to.display()))?;
    }
    Ok(Verdict::Well)
}
