//! `playhead dlq list`

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use anyhow::Context as _;
use producers::redrive::named_id;
use schemas::DeadLetter;
use schemas::redrive::LetterId;
use serde::Serialize;
use serde_json::json;

use super::advice::redrive_helps;
use super::letters::{Marks, as_json, read_all};
use crate::answer::Answer;
use crate::cli::dlq::{List, YesOrNo};
use crate::failure::Verdict;
use crate::log_source::LogSource;
use crate::shown;

/// Letters that are listed in words unless it is said how many.
const LISTED: u64 = 100;

#[derive(Debug, Default, Serialize)]
struct Summary {
    letters: u64,
    redriven: u64,
    /// Records of the topic that are no letters.
    unreadable: u64,
    by_reason: BTreeMap<String, u64>,
}

pub(super) fn run(args: &List, source: &mut LogSource, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let filter = super::filter(&args.letters, &[])?;
    super::check_partition(&args.letters, source)?;
    let marks = Marks::read(source)?;
    let limit = args.letters.limit.unwrap_or(if answer.is_json { u64::MAX } else { LISTED });
    let mut summary = Summary::default();
    let mut rows = Vec::new();
    read_all(source, &mut |place, letter| {
        let letter = match letter {
            Ok(letter) => letter,
            Err(unreadable) => {
                summary.unreadable += 1;
                if answer.is_json {
                    answer.json(&json!({"error": unreadable.0, "letter": {"partition": place.partition, "offset": place.offset}}))?;
                }
                return Ok(ControlFlow::Continue(()));
            }
        };
        let id = LetterId::of(&letter).context("a letter that could be read has an id")?;
        let redriven_at = marks.redriven_at(&id);
        let is_meant = args.redriven.is_none_or(|wanted| (wanted == YesOrNo::Yes) == redriven_at.is_some());
        if !filter.takes(&letter) || !is_meant {
            return Ok(ControlFlow::Continue(()));
        }
        summary.letters += 1;
        summary.redriven += u64::from(redriven_at.is_some());
        *summary.by_reason.entry(letter.reason.to_owned()).or_default() += 1;
        if summary.letters <= limit {
            if answer.is_json {
                answer.json(&as_json(&letter, &id, place, redriven_at))?;
            } else {
                rows.push(row(&letter, redriven_at));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if answer.is_json {
        answer.json(&json!({"summary": summary}))?;
    } else {
        in_words(&summary, rows, answer)?;
    }
    Ok(Verdict::Well)
}

/// Attempts, key, bytes and the rest are in `dlq show` and in JSON: a line is to fit a terminal.
fn row(letter: &DeadLetter<'_>, redriven_at: Option<i64>) -> Vec<String> {
    vec![named_id(letter), shown::minute(letter.failed_at), letter.reason.to_owned(), shown::flag(redriven_at.is_some())]
}

fn in_words(summary: &Summary, rows: Vec<Vec<String>>, answer: &mut Answer) -> anyhow::Result<()> {
    let listed = rows.len() as u64;
    if listed > 0 {
        answer.table(&["LETTER", "REFUSED (UTC)", "REASON", "BACK"], &[], rows)?;
        answer.line("")?;
    }
    let unlisted = summary.letters - listed;
    if unlisted > 0 {
        answer.line(&format!("and {} more: --limit shows more of them, --json all", shown::count(unlisted)))?;
    }
    let colon = if summary.by_reason.is_empty() { "" } else { ":" };
    answer.line(&format!("{}, {} redriven{colon}", shown::counted(summary.letters, "letter"), shown::count(summary.redriven)))?;
    let width = summary.by_reason.keys().map(String::len).max().unwrap_or(0);
    for (reason, count) in &summary.by_reason {
        answer.line(&format!("  {reason:width$} {:>7}  {}", shown::count(*count), redrive_helps(reason)))?;
    }
    if summary.unreadable > 0 {
        let records = shown::counted(summary.unreadable, "record");
        answer.line(&format!("{records} of dead_letters can't be read: `playhead read dead_letters` shows them"))?;
    }
    Ok(())
}
