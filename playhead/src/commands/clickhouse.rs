//! `playhead clickhouse`

use serde_json::json;

use crate::answer::Answer;
use crate::config::Config;
use crate::failure::Verdict;

pub(super) fn migrate(config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let client = config.clickhouse.client()?;
    let applied = sink_clickhouse::migrate(&client)?;
    if answer.is_json {
        answer.json(&json!({"database": client.database(), "applied": applied}))?;
    } else if applied.is_empty() {
        answer.line(&format!("database {} is up to date", client.database()))?;
    } else {
        for name in applied {
            answer.line(&format!("applied  {name}"))?;
        }
    }
    Ok(Verdict::Well)
}
