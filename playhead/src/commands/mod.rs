//! The commands, one a file.

mod audit;
mod backup;
mod clickhouse;
mod clickhouse_server;
mod cluster_writer;
mod config_check;
mod continue_watching;
mod dev;
mod dlq;
mod doctor;
mod history;
mod import;
mod ingest;
mod process;
mod qos;
mod read;
mod resume;
mod schemas_check;
mod schemas_register;
mod session;
mod simulate;
mod sink;
mod stream_input;
pub(crate) mod subjects;
mod summary;
mod topics;
mod truth_files;
mod unreported;

use std::ffi::OsString;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use producers::{ReceivedTime, parse_time_us};
use serde::Serialize;

use self::dlq::StagesRun;
use crate::answer::Answer;
use crate::cli::{self, Cli, Clickhouse, Command, Import, Schemas, Topics};
use crate::config::{self, Config};
use crate::data_folder::{DataFolder, InUse};
use crate::failure::Verdict;
use crate::log_source::LogSource;
use crate::progress::Progress;
use crate::{cluster_trouble, owner, shown, topology};

/// Carries out a command line.
///
/// # Errors
/// Whatever keeps it from answering.
pub(crate) fn run(cli: &Cli) -> anyhow::Result<Verdict> {
    let config = config::load(cli.flags())?;
    carry_out(cli, &config).map_err(|error| cluster_trouble::explained(error, &config))
}

/// Says that it is the data folder's turn, where a cluster is set too: who has set one may have meant it.
fn tell_of_the_cluster(cli: &Cli, config: &Config) {
    let turns = cli.cluster_instead().is_some_and(|cluster| !cluster.is_asked());
    if turns && config.kafka.is_set() && !cli.json {
        let (data, origin) = (config.data.display(), config.kafka.origin());
        anstream::eprintln!(
            "playhead: this is about the data folder {data}; kafka.brokers is set ({origin}): --brokers turns to the cluster"
        );
    }
}

fn carry_out(cli: &Cli, config: &Config) -> anyhow::Result<Verdict> {
    tell_of_the_cluster(cli, config);
    let mut answer = Answer::new(cli.json);
    let verdict = match &cli.command {
        Command::Import(Import::ViewingActivity(args)) => import::run(args, config, &mut answer),
        Command::Ingest(args) => ingest::run(args, config, &mut answer),
        Command::Simulate(args) => simulate::run(args, config, &mut answer),
        Command::Audit(args) => audit::run(args, config, &mut answer),
        Command::Schemas(Schemas::Check(args)) => schemas_check::run(args, config, &mut answer),
        Command::Schemas(Schemas::Register(args)) => schemas_register::run(args, config, &mut answer),
        Command::Dev(_) => dev::run(config, &mut answer),
        Command::Backup(args) => backup::run(args, config, &mut answer),
        Command::Topics(Topics::Plan(args)) => topics::plan(args, config, &mut answer),
        Command::Topics(Topics::Apply(args)) => topics::apply(args, config, &mut answer),
        Command::Process(args) => process::run(args, config, &mut answer),
        Command::Sink(args) => sink::run(args, config, &mut answer),
        Command::Clickhouse(Clickhouse::Migrate) => clickhouse::migrate(config, &mut answer),
        Command::Clickhouse(Clickhouse::Server(args)) => clickhouse_server::run(args, config, &mut answer),
        Command::Doctor(args) => doctor::run(args, config, &mut answer),
        Command::Config(cli::Config::Check) => config_check::run(cli, &mut answer),
        Command::Read(args) if args.cluster.is_asked() => read::run(args, &mut LogSource::of_cluster(config)?, &mut answer),
        Command::Dlq(command) if command.cluster().is_asked() => {
            dlq::check(command)?;
            dlq::on_kafka(command, config, &mut answer)
        }
        Command::Dlq(command) => match dlq::check(command).and_then(|()| open(config, &answer)) {
            Ok(folder) => dlq::in_folder(command, &folder, config, StagesRun::Here, &mut answer),
            Err(error) => return ask_owner(error, std::env::args_os().skip(1)),
        },
        question => match open(config, &answer) {
            Ok(folder) => answer_from(question, &folder, config, &mut answer),
            Err(error) => return ask_owner(error, std::env::args_os().skip(1)),
        },
    }?;
    answer.finish()?;
    Ok(verdict)
}

/// Carries out a command that asks an opened folder.
///
/// # Errors
/// Whatever keeps it from answering; that it asks no folder.
pub(crate) fn answer_from(command: &Command, folder: &DataFolder, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    match command {
        Command::Read(args) => read::run(args, &mut LogSource::of_folder(folder), answer),
        Command::Resume(args) => resume::run(args, folder, answer),
        Command::ContinueWatching(args) => continue_watching::run(args, folder, answer),
        Command::History(args) => history::run(args, folder, answer),
        Command::Session(args) => session::run(args, config, folder, answer),
        Command::Qos(args) => qos::run(args, folder, answer),
        Command::Backup(args) => backup::copy(folder, args, answer),
        Command::Dlq(command) => dlq::in_folder(command, folder, config, StagesRun::InTheOwner, answer),
        _ => bail!("the owner of a folder answers questions, makes backups and redrives; this is none of it"),
    }
}

/// Has the folder's owner answer, where `error` says that another process owns it, and where it answers.
fn ask_owner(error: anyhow::Error, arguments: impl Iterator<Item = OsString>) -> anyhow::Result<Verdict> {
    let Some(owner) = error.downcast_ref::<InUse>().and_then(|in_use| in_use.answers.clone()) else { return Err(error) };
    let arguments: Option<Vec<String>> = arguments.map(|argument| argument.into_string().ok()).collect();
    owner::ask(&owner, arguments.context("the command line is not UTF-8")?)
}

/// Opens the folder for a question. What a command that was cut off has left undone is made up for first.
fn open(config: &Config, answer: &Answer) -> anyhow::Result<DataFolder> {
    let folder = DataFolder::open(&config.data)?;
    topology::run_to_end(&folder, config, &Progress::new(answer.is_json))?;
    Ok(folder)
}

/// What tells a run of a command from all others.
fn run_name(config: &Config, now_ms: i64) -> String {
    format!("process {} on {}, begun at {}", std::process::id(), config.kafka.instance, shown::time(now_ms * 1_000))
}

/// The clock, ms since 1970 UTC.
pub(crate) fn now_ms() -> anyhow::Result<i64> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).context("the system's clock stands before 1970")?;
    i64::try_from(since_1970.as_millis()).context("the system's clock is beyond any calendar")
}

/// `--received-time`, or now.
fn received_time(given: Option<&str>) -> anyhow::Result<ReceivedTime> {
    let now_ms = now_ms()?;
    given.map_or_else(|| Ok(ReceivedTime::now(now_ms)), |text| ReceivedTime::given(text, now_ms)).context("--received-time")
}

/// A time given by a flag, microseconds since 1970 UTC.
fn time_us(flag: &str, given: Option<&str>) -> anyhow::Result<Option<i64>> {
    given.map(parse_time_us).transpose().with_context(|| flag.to_owned())
}

/// The answer where a profile has nothing: `empty` in JSON; a person is told which profiles there are.
fn unknown_profile(folder: &DataFolder, answer: &mut Answer, profile_id: &str, empty: &impl Serialize) -> anyhow::Result<Verdict> {
    if answer.is_json {
        answer.json(empty)?;
        return Ok(Verdict::BadNews);
    }
    let profiles = folder.store.profiles()?;
    if profiles.is_empty() {
        answer.line(&format!("nothing for profile {profile_id}; no profile has a reported view yet"))?;
        return Ok(Verdict::BadNews);
    }
    let more = if profiles.len() > 10 { ", among them:" } else { ":" };
    answer.line(&format!("nothing for profile {profile_id}; {} with views{more}", shown::counted(profiles.len() as u64, "profile")))?;
    shown::wrapped("  ", profiles.into_iter().take(10)).iter().try_for_each(|line| answer.line(line))?;
    Ok(Verdict::BadNews)
}
