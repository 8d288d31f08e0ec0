//! `playhead history`

use anyhow::Context as _;
use serving::{HistoryKind, HistoryQuery, ServingStore as _};

use super::{time_us, unknown_profile};
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
    if page.rows.is_empty() && !is_known(&args.profile_id, folder)? {
        return unknown_profile(folder, answer, &args.profile_id, &page);
    }
    if answer.is_json {
        answer.json(&page)?;
        return Ok(Verdict::Well);
    }
    if page.rows.is_empty() {
        answer.line(&why_empty(args, folder)?)?;
        return Ok(Verdict::Well);
    }
    let rows = page
        .rows
        .iter()
        .map(|row| {
            vec![
                shown::minute(row.opened_at),
                row.title_id.clone(),
                shown::or_dash(row.episode_id.as_ref()),
                shown::position(row.media_ms),
                shown::or_dash(row.last_position_ms.map(shown::position)),
                row.session_id.clone(),
            ]
        })
        .collect();
    answer.table(&["OPENED (UTC)", "TITLE", "EPISODE", "WATCHED", "POSITION", "SESSION"], &[3, 4], rows)?;
    if let Some(token) = page.next_page_token {
        answer.line(&format!("more: --page-token {token}"))?;
    }
    Ok(Verdict::Well)
}

/// Whether a profile has a session of this kind, whenever.
fn has_any(profile_id: &str, kind: HistoryKind, folder: &DataFolder) -> anyhow::Result<bool> {
    let query = HistoryQuery { kind, from: None, to: None, limit: 1, after: None };
    Ok(!folder.store.history(profile_id, &query)?.rows.is_empty())
}

fn is_known(profile_id: &str, folder: &DataFolder) -> anyhow::Result<bool> {
    Ok(!folder.store.resume_rows(profile_id)?.is_empty()
        || has_any(profile_id, HistoryKind::FullPlays, folder)?
        || has_any(profile_id, HistoryKind::Previews, folder)?)
}

fn why_empty(args: &History, folder: &DataFolder) -> anyhow::Result<String> {
    let (asked, other, asked_for, hint) = if args.previews {
        (HistoryKind::Previews, HistoryKind::FullPlays, "previews", "full plays: leave out --previews to see them")
    } else {
        (HistoryKind::FullPlays, HistoryKind::Previews, "sessions", "previews: add --previews to see them")
    };
    let profile_id = &args.profile_id;
    Ok(if has_any(profile_id, asked, folder)? {
        let place = if args.from.is_some() || args.to.is_some() { "in this range" } else { "behind this page" };
        format!("no {asked_for} {place}")
    } else if has_any(profile_id, other, folder)? {
        format!("profile {profile_id} has only {hint}")
    } else {
        format!("no session of profile {profile_id} is reported yet")
    })
}
