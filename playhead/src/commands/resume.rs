//! `playhead resume`

use serving::{ResumeEntry, ServingStore as _, resume_list};

use super::unknown_profile;
use crate::answer::Answer;
use crate::cli::Profile;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::shown;

pub(super) fn run(args: &Profile, folder: &DataFolder, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let mut entries = resume_list(folder.store.resume_rows(&args.profile_id)?);
    if entries.is_empty() {
        return unknown_profile(folder, answer, &args.profile_id, &entries);
    }
    let limit = args.limit.unwrap_or(if answer.is_json { usize::MAX } else { LISTED });
    let unlisted = entries.len().saturating_sub(limit);
    entries.truncate(limit);
    if answer.is_json {
        answer.json(&entries)?;
        return Ok(Verdict::Well);
    }
    show(&entries, answer)?;
    if unlisted > 0 {
        answer.line(&format!("and {} more: --limit shows more of them, --json all", shown::count(unlisted as u64)))?;
    }
    Ok(Verdict::Well)
}

/// Titles that are listed in words unless it is said how many.
const LISTED: usize = 50;

/// Resume positions as a table. The time of the last full view is in JSON.
pub(super) fn show(entries: &[ResumeEntry], answer: &mut Answer) -> anyhow::Result<()> {
    let rows = entries
        .iter()
        .map(|entry| {
            vec![
                entry.title_id.clone(),
                shown::or_dash(entry.episode_id.as_ref()),
                shown::position(entry.position_ms),
                shown::or_dash(entry.runtime_ms.map(shown::position)),
                // Without the length nobody can tell.
                if entry.runtime_ms.is_none() && !entry.completed { "?".to_owned() } else { shown::flag(entry.completed) },
                shown::flag(entry.preview),
                shown::minute(entry.updated_at),
            ]
        })
        .collect();
    answer.table(&["TITLE", "EPISODE", "POSITION", "RUNTIME", "DONE", "PREVIEW", "VIEWED (UTC)"], &[2, 3], rows)?;
    Ok(())
}
