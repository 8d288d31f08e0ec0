//! `playhead resume`

use serving::{ResumeEntry, ServingStore as _, resume_list};

use super::unknown_profile;
use crate::answer::Answer;
use crate::cli::Profile;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::shown;

pub(super) fn run(args: &Profile, folder: &DataFolder, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let entries = resume_list(folder.store.resume_rows(&args.profile_id)?);
    if entries.is_empty() {
        return unknown_profile(folder, answer, &args.profile_id, &entries);
    }
    if answer.is_json {
        answer.json(&entries)?;
    } else {
        show(&entries, answer)?;
    }
    Ok(Verdict::Well)
}

/// Resume positions as a table.
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
                shown::time(entry.updated_at),
                shown::or_dash(entry.last_full_view_at.map(shown::time)),
            ]
        })
        .collect();
    answer.table(&["TITLE", "EPISODE", "POSITION", "RUNTIME", "COMPLETED", "PREVIEW", "LAST VIEWED", "LAST FULL VIEW"], &[2, 3], rows)?;
    Ok(())
}
