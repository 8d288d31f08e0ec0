//! `playhead schemas check`

use registry::FULL_TRANSITIVE;
use schemas::compatibility::check_all;
use serde_json::json;

use super::subjects;
use crate::answer::Answer;
use crate::cli::SchemasCheck;
use crate::config::Config;
use crate::failure::Verdict;

/// What was found of one record, or of one subject.
struct Check {
    name: String,
    /// As JSON names it.
    kind: &'static str,
    versions: Vec<u32>,
    errors: Vec<String>,
}

pub(super) fn run(args: &SchemasCheck, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let checks = if args.registry.is_some() { of_registry(config)? } else { of_releases() };
    let is_well = checks.iter().all(|check| check.errors.is_empty());
    if answer.is_json {
        let row = |check: &Check| json!({check.kind: check.name, "versions": check.versions, "errors": check.errors});
        answer.json(&checks.iter().map(row).collect::<Vec<_>>())?;
    } else {
        let width = checks.iter().map(|check| check.name.len()).max().unwrap_or_default().max(20);
        for check in &checks {
            let versions = check.versions.iter().map(|version| format!("v{version}")).collect::<Vec<_>>().join(", ");
            let against = if versions.is_empty() { "nothing: it is not registered".to_owned() } else { versions };
            let verdict = if check.errors.is_empty() { FULL_TRANSITIVE } else { "REFUSED" };
            answer.line(&format!("{:<width$} {verdict} against {against}", check.name))?;
            for error in &check.errors {
                answer.line(&format!("  {error}"))?;
            }
        }
    }
    Ok(if is_well { Verdict::Well } else { Verdict::BadNews })
}

/// Against what was released, which the program holds itself.
fn of_releases() -> Vec<Check> {
    let check = |check: schemas::compatibility::RecordCheck| Check {
        name: check.record.to_owned(),
        kind: "record",
        versions: check.versions,
        errors: check.errors.iter().map(ToString::to_string).collect(),
    };
    check_all().into_iter().map(check).collect()
}

/// Against what a registry has.
fn of_registry(config: &Config) -> anyhow::Result<Vec<Check>> {
    let check = |subject: subjects::Subject| {
        let is_open = !subject.versions.is_empty() && !subject.is_guarded();
        let mut errors = subject.refused;
        if is_open {
            let level = subject.level.as_deref().unwrap_or("unknown");
            errors.push(format!("the subject's compatibility level is {level}: `playhead schemas register` makes it {FULL_TRANSITIVE}"));
        }
        Check { name: subject.name, kind: "subject", versions: subject.versions, errors }
    };
    Ok(subjects::ask(&config.registry.client()?)?.into_iter().map(check).collect())
}
