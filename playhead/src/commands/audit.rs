//! `playhead audit`

use super::truth_files::TRUTH;
use crate::answer::Answer;
use crate::audit::{Figure, Findings, Report, TruthReport, audit};
use crate::cli::Audit;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::progress::Progress;
use crate::shown::{count, counted};

/// The folder is opened as it lies: the stages are not run first, since an audit that mended anything would never see it.
pub(super) fn run(args: &Audit, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let folder = DataFolder::open(&config.data)?;
    let truth = args.truth.then(|| config.data.join(TRUTH));
    let report = audit(&folder, &config.playback, truth.as_deref(), &Progress::new(answer.is_json))?;
    if answer.is_json {
        answer.json(&report)?;
    } else {
        show(&report, answer)?;
    }
    Ok(if report.agrees() { Verdict::Well } else { Verdict::BadNews })
}

fn show(report: &Report, answer: &mut Answer) -> anyhow::Result<()> {
    show_books(report, answer)?;
    for sessions in &report.sessions {
        let [rows, stored, versions] = [sessions.rows, sessions.stored, sessions.versions].map(count);
        let line = format!("{}: {rows} rows of {versions} versions, {stored} in the store", sessions.topic);
        answer.line(&with_verdict(line, sessions.pending, &sessions.findings))?;
    }
    let resume = &report.resume;
    let [views, positions, stored] = [resume.views, resume.positions, resume.stored].map(count);
    let line = format!("resume_state: {positions} positions computed from {views} viewings, {stored} in the store");
    answer.line(&with_verdict(line, resume.pending + resume.store_pending, &resume.findings))?;
    if let Some(truth) = &report.truth {
        show_truth(truth, answer)?;
    }
    for findings in report.sections().filter(|findings| !findings.is_empty()) {
        show_findings(findings, answer)?;
    }
    show_verdict(report, answer)
}

fn show_books(report: &Report, answer: &mut Answer) -> anyhow::Result<()> {
    let rows = report
        .books
        .iter()
        .map(|books| {
            let sums = if books.sums_equal { "equal" } else { "DIFFER" };
            let counts = [books.raw.count, books.clean.count, books.duplicates.count, books.dead_letters.count, books.pending].map(count);
            let mut row = vec![format!("{}-{}", books.topic, books.partition)];
            row.extend(counts);
            row.push(sums.to_owned());
            row
        })
        .collect();
    answer.table(&["PARTITION", "RAW", "CLEAN", "DUPLICATES", "DEAD LETTERS", "PENDING", "SUMS"], &[1, 2, 3, 4, 5], rows)?;
    Ok(())
}

fn show_truth(truth: &TruthReport, answer: &mut Answer) -> anyhow::Result<()> {
    let total = |of: fn(&Figure) -> u64| count(truth.figures.values().map(of).sum());
    let [compared, unprovable] = [total(|figure| figure.compared), total(|figure| figure.unprovable)];
    let what = format!("{}, {}", counted(truth.sessions, "session"), counted(truth.resume_positions, "resume position"));
    let line =
        format!("truth of {} ({what}): {compared} figures compared, {unprovable} unprovable", counted(truth.runs.len() as u64, "run"));
    answer.line(&with_verdict(line, 0, &truth.findings))?;
    let differing = truth.figures.iter().filter(|(_, figure)| figure.differ > 0);
    let rows: Vec<_> = differing.map(|(name, figure)| vec![name.clone(), count(figure.compared), count(figure.differ)]).collect();
    if !rows.is_empty() {
        answer.table(&["FIGURE", "COMPARED", "DIFFER"], &[1, 2], rows)?;
    }
    Ok(())
}

fn show_findings(findings: &Findings, answer: &mut Answer) -> anyhow::Result<()> {
    for finding in &findings.first {
        answer.line(&format!("{}: {}: {}", finding.place, finding.fault.as_str(), finding.detail))?;
    }
    let more = findings.count - findings.first.len() as u64;
    if more > 0 {
        let by_fault: Vec<_> = findings.by_fault.iter().map(|(fault, number)| format!("{} {}", count(*number), fault.as_str())).collect();
        answer.line(&format!("and {} more; altogether {}", count(more), by_fault.join(", ")))?;
    }
    Ok(())
}

fn show_verdict(report: &Report, answer: &mut Answer) -> anyhow::Result<()> {
    let pending = report.pending();
    if pending > 0 {
        let pending = counted(pending, "record");
        answer.line(&format!(
            "pending: {pending} not processed yet, and not judged; any command that asks, such as `playhead qos`, processes them"
        ))?;
    }
    if report.agrees() {
        answer.line(if pending > 0 { "the books agree, as far as they go" } else { "the books agree" })?;
        return Ok(());
    }
    let differences: u64 = report.sections().map(|findings| findings.count).sum();
    answer.line(&format!("the books DIFFER: {}", counted(differences, "difference")))?;
    if report.is_store_alone() {
        answer.line("the log agrees with itself: delete serving.redb in the data folder and ask anything, and the store is filled from the log again")?;
    } else {
        answer.line("keep the folder as it is; `playhead read TOPIC --partition N --from-offset M --limit 1` shows the records named")?;
    }
    Ok(())
}

fn with_verdict(line: String, pending: u64, findings: &Findings) -> String {
    let pending = if pending > 0 { format!(", {} pending", count(pending)) } else { String::new() };
    let verdict = if findings.is_empty() { "agree".to_owned() } else { counted(findings.count, "difference") };
    format!("{line}{pending}: {verdict}")
}
