//! `playhead schemas check`

use schemas::compatibility::check_all;
use serde_json::json;

use crate::answer::Answer;
use crate::failure::Verdict;

pub(super) fn run(answer: &mut Answer) -> anyhow::Result<Verdict> {
    let checks = check_all();
    let is_well = checks.iter().all(|check| check.errors.is_empty());
    if answer.is_json {
        let shown: Vec<_> = checks
            .iter()
            .map(|check| {
                json!({
                    "record": check.record,
                    "versions": check.versions,
                    "errors": check.errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
                })
            })
            .collect();
        answer.json(&shown)?;
    } else {
        for check in &checks {
            let versions = check.versions.iter().map(|version| format!("v{version}")).collect::<Vec<_>>().join(", ");
            let verdict = if check.errors.is_empty() { "FULL_TRANSITIVE" } else { "REFUSED" };
            answer.line(&format!("{:<20} {verdict} against {versions}", check.record))?;
            for error in &check.errors {
                answer.line(&format!("  {error}"))?;
            }
        }
    }
    Ok(if is_well { Verdict::Well } else { Verdict::BadNews })
}
