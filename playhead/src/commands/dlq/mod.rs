//! `playhead dlq`: what was refused, and its way back.

mod advice;
mod hexdump;
mod letters;
mod list;
mod redrive;
mod show;

use anyhow::{Context as _, bail};
use producers::redrive::Filter;
use schemas::{Reason, topics};

use super::time_us;
use crate::answer::Answer;
use crate::cli::dlq::{Dlq, Letters as LetterArgs};
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::log_source::LogSource;
use crate::shown;
use crate::topology::Stage;

/// Who processes what goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StagesRun {
    /// This command, before it ends.
    Here,
    /// The owner of the folder, all the time.
    InTheOwner,
}

/// Looks at what can be judged before anything is opened.
///
/// # Errors
/// Where a filter can't be meant, or a redrive says nothing of what it is to take.
pub(super) fn check(command: &Dlq) -> anyhow::Result<()> {
    match command {
        Dlq::List(args) => filter(&args.letters, &[]).map(drop),
        Dlq::Show(_) => Ok(()),
        Dlq::Redrive(args) => {
            filter(&args.letters, &args.ids)?;
            let is_said = args.all || args.dry_run || !args.ids.is_empty() || args.letters.is_filter();
            if !is_said {
                bail!(
                    "say which letters go back: by their ids, by --reason, --stage, --topic, --partition, --since or --until, or --all of them"
                );
            }
            Ok(())
        }
    }
}

/// Carries out a command on a cluster.
///
/// # Errors
/// Whatever keeps it from answering.
pub(super) fn on_kafka(command: &Dlq, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    match command {
        Dlq::List(args) => list::run(args, &mut LogSource::of_cluster(config)?, answer),
        Dlq::Show(args) => show::run(args, &mut LogSource::of_cluster(config)?, answer),
        Dlq::Redrive(args) => redrive::on_kafka(args, config, answer),
    }
}

/// Carries out a command on an opened folder.
///
/// # Errors
/// Whatever keeps it from answering.
pub(super) fn in_folder(
    command: &Dlq,
    folder: &DataFolder,
    config: &Config,
    stages: StagesRun,
    answer: &mut Answer,
) -> anyhow::Result<Verdict> {
    match command {
        Dlq::List(args) => list::run(args, &mut LogSource::of_folder(folder), answer),
        Dlq::Show(args) => show::run(args, &mut LogSource::of_folder(folder), answer),
        Dlq::Redrive(args) => redrive::in_folder(args, folder, config, stages, answer),
    }
}

/// The letters that the flags mean.
fn filter(args: &LetterArgs, ids: &[String]) -> anyhow::Result<Filter> {
    if let Some(code) = &args.reason
        && code.parse::<Reason>().is_err()
    {
        let known: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        bail!("--reason: {code:?} is no reason; reasons: {}", known.join(", "));
    }
    let stages = [Stage::Playback.name(), Stage::Profile.name()];
    if let Some(stage) = args.stage.as_deref().filter(|stage| !stages.contains(stage)) {
        bail!("--stage: {stage:?} is no stage that refuses records; stages: {}", stages.join(", "));
    }
    let topics = topics::builtin();
    if let Some(topic) = args.topic.as_ref().filter(|&name| topics.iter().all(|topic| topic.name != *name)) {
        let known: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        bail!("--topic: there is no topic {topic:?}; topics: {}", known.join(", "));
    }
    let (since_us, until_us) = (time_us("--since", args.since.as_deref())?, time_us("--until", args.until.as_deref())?);
    if let (Some(since), Some(until)) = (&args.since, &args.until)
        && since_us >= until_us
    {
        bail!("--since {since} is not before --until {until}: nothing lies between");
    }
    if let Some(id) = ids.iter().find(|id| !is_id(id)) {
        bail!("{id:?} is no id of a letter, which is TOPIC-PARTITION-OFFSET-STAGE, as in playback_events-2-1041-playback");
    }
    Ok(Filter {
        reason: args.reason.clone(),
        stage: args.stage.clone(),
        topic: args.topic.clone(),
        partition: args.partition,
        since_us,
        until_us,
        ids: (!ids.is_empty()).then(|| ids.iter().cloned().collect()),
    })
}

/// Whether a text could be an id: of a topic's name nothing more is asked than that it is there.
fn is_id(text: &str) -> bool {
    let mut parts = text.rsplitn(4, '-');
    let is_number = |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    parts.next().is_some_and(|stage| !stage.is_empty())
        && is_number(parts.next())
        && is_number(parts.next())
        && parts.next().is_some_and(|topic| !topic.is_empty())
}

/// Refuses a partition that no topic has from which records are refused.
fn check_partition(args: &LetterArgs, source: &LogSource) -> anyhow::Result<()> {
    let Some(partition) = args.partition else { return Ok(()) };
    let inputs = [Stage::Playback, Stage::Profile].into_iter().flat_map(Stage::inputs);
    let mut most = 0;
    for topic in inputs.filter(|&&topic| args.topic.as_ref().is_none_or(|asked| asked == topic)) {
        most = most.max(source.log.required_topic(topic)?.1);
    }
    if partition >= most {
        bail!(
            "--partition: there are no letters of partition {partition}: the topics read have {}",
            shown::counted(most.into(), "partition")
        );
    }
    Ok(())
}

/// The topic of the letters must be there, on whatever log.
fn letters_partitions(source: &LogSource) -> anyhow::Result<u32> {
    let (_, partitions) = source.log.required_topic(producers::redrive::DEAD_LETTERS).context("no letters can be read")?;
    Ok(partitions)
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_are_told_from_other_texts() {
        for id in ["playback_events-2-1041-playback", "a-b.c-0-0-s", "000102030405060708090a0b0c0d0eff-3-41-profile"] {
            assert!(super::is_id(id), "{id}");
        }
        for other in ["", "x", "playback_events", "playback_events-2-1041", "-2-1041-playback", "t-x-1-s", "t-1--s", "t-1-2-"] {
            assert!(!super::is_id(other), "{other}");
        }
    }
}
