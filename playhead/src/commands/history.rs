//! `playhead history`

use anyhow::Context as _;
use serving::{HistoryKind, HistoryQuery, ServingStore as _};

use super::{note_unknown_profile, time_us};
use crate::answer::Answer;
use crate::cli::History;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::shown;

pub(super) fn run(args: &History, folder: &DataFolder, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let query = HistoryQuery {
        kind: if args.previews { HistoryKind::Previews } else { HistoryKind::FullPlays },
        from: time_us("--from", args.from.as_deref())?,
        to: time_us("--to", args.to.as_deref())?,
        limit: args.limit,
        after: args.page_token.as_deref().map(str::parse).transpose().context("--page-token")?,
    };
    let page = folder.store.history(&args.profile_id, &query)?;
    if answer.is_json {
        answer.json(&page)?;
        return Ok(Verdict::Well);
    }
    if page.rows.is_empty() {
        if folder.store.resume_rows(&args.profile_id)?.is_empty() {
            note_unknown_profile(folder, answer, &args.profile_id)?;
        } else {
            answer.line("no sessions in this range")?;
        }
        return Ok(Verdict::Well);
    }
    let rows = page
        .rows
        .iter()
        .map(|row| {
            vec![
                shown::time(row.opened_at),
                row.title_id.clone(),
                shown::or_dash(row.episode_id.as_ref()),
                shown::position(row.media_ms),
                shown::or_dash(row.last_position_ms.map(shown::position)),
                shown::or_dash(row.device_type.as_ref()),
                row.ended_by.as_str().to_owned(),
                row.session_id.clone(),
            ]
        })
        .collect();
    answer.table(&["OPENED", "TITLE", "EPISODE", "WATCHED", "POSITION", "DEVICE", "ENDED BY", "SESSION"], &[3, 4], rows)?;
    if let Some(token) = page.next_page_token {
        answer.line(&format!("more: --page-token {token}"))?;
    }
    Ok(Verdict::Well)
}
