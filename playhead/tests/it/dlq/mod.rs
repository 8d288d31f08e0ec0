//! Dead letters as their users see them: listed, shown, and taken back to where they came from.

mod kafka;
mod kills;
mod local;
mod poison;

use serde_json::Value;

/// The lines of JSON of a command, without the summary, and the summary.
fn lines(out: &str) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = lines.pop().expect("a summary is there").get("summary").cloned().expect("it is the last line");
    (lines, summary)
}

/// What of a line names a letter and what became of it.
fn verdicts(out: &str) -> Vec<(String, String)> {
    let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
    let mut verdicts: Vec<_> = lines(out).0.iter().map(|line| (text(line, "id"), text(line, "verdict"))).collect();
    verdicts.sort();
    verdicts
}
