//! `playhead continue-watching`

use serving::{ServingStore as _, continue_watching};

use super::{resume, unknown_profile};
use crate::answer::Answer;
use crate::cli::ContinueWatching;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;

pub(super) fn run(args: &ContinueWatching, folder: &DataFolder, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let rows = folder.store.resume_rows(&args.profile_id)?;
    let is_unknown = rows.is_empty();
    let entries = continue_watching(rows, args.limit);
    if is_unknown {
        return unknown_profile(folder, answer, &args.profile_id, &entries);
    }
    if answer.is_json {
        answer.json(&entries)?;
    } else if entries.is_empty() {
        answer.line("nothing is begun and unfinished")?;
    } else {
        resume::show(&entries, answer)?;
    }
    Ok(Verdict::Well)
}
