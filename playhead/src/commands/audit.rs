//! `playhead audit`

use super::truth_files::TRUTH;
use crate::answer::Answer;
use crate::audit::{Audited, ClickHouseReport, Figure, Findings, Report, TruthReport, audit};
use crate::cli::Audit;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::log_source::LogSource;
use crate::progress::Progress;
use crate::shown::{count, counted};

/// A folder is opened as it lies: the stages are not run first, since an audit that mended anything would never see it.
pub(super) fn run(args: &Audit, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    // Held until the audit is over, so that nobody else changes it.
    let folder = if args.cluster.is_asked() { None } else { Some(DataFolder::open(&config.data)?) };
    let source = folder.as_ref().map_or_else(|| LogSource::of_cluster(config), |folder| Ok(LogSource::of_folder(folder)))?;
    let clickhouse = config.clickhouse.is_set().then(|| config.clickhouse.client()).transpose()?;
    let audited = Audited { source, store: folder.as_ref().map(|folder| folder.store.clone()), clickhouse };
    let truth = args.truth.then(|| config.data.join(TRUTH));
    let report = audit(audited, &config.playback, truth.as_deref(), &Progress::new(answer.is_json))?;
    if answer.is_json {
        answer.json(&report)?;
    } else {
        show(&report, config.kafka.prefix(), answer)?;
    }
    Ok(if report.agrees() { Verdict::Well } else { Verdict::BadNews })
}

fn show(report: &Report, prefix: &str, answer: &mut Answer) -> anyhow::Result<()> {
    if !report.has_store && !prefix.is_empty() {
        answer.line(&format!("on the cluster each name begins with {prefix} (kafka.topic_prefix)"))?;
    }
    show_books(report, answer)?;
    for sessions in &report.sessions {
        let [rows, versions] = [sessions.rows, sessions.versions].map(count);
        let line = format!("{}: {rows} rows of {versions} versions{}", sessions.topic, in_the_store(sessions.stored));
        answer.line(&with_verdict(line, sessions.pending, &sessions.findings))?;
    }
    let resume = &report.resume;
    let [views, positions] = [resume.views, resume.positions].map(count);
    let line = format!("resume_state: {positions} positions computed from {views} viewings{}", in_the_store(resume.stored));
    answer.line(&with_verdict(line, resume.pending + resume.store_pending, &resume.findings))?;
    if let Some(ClickHouseReport { database, events, stored, sessions, not_judged, pending, findings }) = &report.clickhouse {
        let moving =
            if *not_judged == 0 { String::new() } else { format!(" ({} more not judged, with versions pending)", count(*not_judged)) };
        let sessions = counted(*sessions, "session");
        let line = format!("ClickHouse, {database}: {} of {} events, {sessions}{moving}", count(*stored), count(*events));
        answer.line(&with_verdict(line, *pending, findings))?;
    }
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
    answer.table(&["PARTITION", "RAW", "CLEAN", "COPIES", "LETTERS", "PENDING", "SUMS"], &[1, 2, 3, 4, 5], rows)?;
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
    if !report.has_store {
        answer.line("not looked at: the serving store, which is not at hand; the topics were held against one another")?;
    }
    let expired: u64 = report.books.iter().map(|books| books.expired).sum();
    if expired > 0 {
        answer.line(&format!("expired: {} came of what the log holds no longer, and could not be judged", counted(expired, "record")))?;
    }
    if !report.in_motion.is_empty() {
        answer.line(&format!("not at rest: {}; what was done meanwhile is not judged", report.in_motion.join(", ")))?;
    }
    let pending = report.pending();
    if pending > 0 {
        let pending = counted(pending, "record");
        let who = if report.has_store {
            "any command that asks, such as `playhead qos`, processes them"
        } else {
            "`playhead process` processes them"
        };
        answer.line(&format!("pending: {pending} not processed yet, and not judged; {who}"))?;
    }
    if report.agrees() {
        answer.line(if pending > 0 { "the books agree, as far as they go" } else { "the books agree" })?;
        return Ok(());
    }
    let differences: u64 = report.sections().map(|findings| findings.count).sum();
    answer.line(&format!("the books DIFFER: {}", counted(differences, "difference")))?;
    if report.is_store_alone() {
        answer.line("the log agrees with itself: delete serving.redb in the data folder and ask anything, and the store is filled from the log again")?;
    } else if !report.has_store {
        answer.line(
            "`playhead read TOPIC --brokers ... --partition N --from-offset M --limit 1` shows the records named, as long as they are kept",
        )?;
    } else {
        answer.line("keep the folder as it is; `playhead read TOPIC --partition N --from-offset M --limit 1` shows the records named")?;
    }
    Ok(())
}

fn in_the_store(stored: Option<u64>) -> String {
    stored.map_or_else(String::new, |stored| format!(", {} in the store", count(stored)))
}

fn with_verdict(line: String, pending: u64, findings: &Findings) -> String {
    let pending = if pending > 0 { format!(", {} pending", count(pending)) } else { String::new() };
    let verdict = if findings.is_empty() { "agree".to_owned() } else { counted(findings.count, "difference") };
    format!("{line}{pending}: {verdict}")
}
