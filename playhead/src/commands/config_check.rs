//! `playhead config check`

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::cli::Cli;
use crate::config;
use crate::failure::Verdict;

pub(super) fn run(cli: &Cli, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let effective = config::effective(cli.flags())?;
    let unknown = config::unknown_variables();
    if answer.is_json {
        let settings: Vec<Value> = effective.iter().map(|one| json!({"key": one.key, "value": one.value, "origin": one.origin})).collect();
        answer.json(&json!({"settings": settings, "unknown_variables": unknown}))?;
        return Ok(Verdict::Well);
    }
    let quoted = |value: Option<String>| {
        value.map_or_else(|| "(not set)".to_owned(), |value| if value.is_empty() { "\"\"".to_owned() } else { value })
    };
    let rows = effective.into_iter().map(|one| vec![one.key, quoted(one.value), one.origin]).collect();
    answer.table(&["KEY", "VALUE", "FROM"], &[], rows)?;
    for variable in unknown {
        answer.line(&format!("{variable}: is set, and no setting has this name: it has no effect"))?;
    }
    Ok(Verdict::Well)
}
