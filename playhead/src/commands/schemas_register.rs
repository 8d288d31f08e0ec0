//! `playhead schemas register`

use registry::RegistryClient;
use schemas::{SchemaSource as _, SourceError};
use serde_json::json;

use super::subjects::{self, Subject};
use crate::answer::Answer;
use crate::cli::SchemasRegister;
use crate::config::Config;
use crate::failure::Verdict;
use crate::shown;

/// What became of a subject.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The schema was there.
    There,
    /// It is there now.
    New,
    /// It is not there, and was not registered.
    Missing,
    /// The registry can't take it.
    Refused,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::There => "there",
            Self::New => "new",
            Self::Missing => "missing",
            Self::Refused => "refused",
        }
    }
}

pub(super) fn run(args: &SchemasRegister, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let client = config.registry.client()?;
    let with_state = |subject| (state_of(&subject), subject);
    let mut outcomes: Vec<(State, Subject)> = subjects::ask(&client)?.into_iter().map(with_state).collect();
    let is_taken = !outcomes.iter().any(|(state, _)| *state == State::Refused);
    if is_taken && !args.dry_run {
        for (state, subject) in &mut outcomes {
            *state = register(&client, subject)?;
            if *state == State::Refused {
                break;
            }
        }
    }
    show(&outcomes, answer)?;
    let is_refused = outcomes.iter().any(|(state, _)| *state == State::Refused);
    Ok(if is_refused { Verdict::BadNews } else { Verdict::Well })
}

fn state_of(subject: &Subject) -> State {
    match (subject.there, subject.refused.is_empty()) {
        (_, false) => State::Refused,
        (Some(_), true) => State::There,
        (None, true) => State::Missing,
    }
}

/// Registers what is not there. The subject is guarded first, so that nobody else's schema comes in between.
fn register(client: &RegistryClient, subject: &mut Subject) -> Result<State, SourceError> {
    let registered = || {
        if !subject.is_guarded() {
            client.require_full_transitive(&subject.name)?;
        }
        if subject.there.is_some() {
            return Ok(None);
        }
        let id = client.register(&subject.name, subject.schema)?;
        // The answer to a registration names no version.
        let version = client.lookup(&subject.name, subject.schema)?.filter(|version| version.id == id);
        let lost = || SourceError::Unavailable(format!("{}: it was given id {id}, and is not found by it", subject.name));
        Ok(Some((id, version.ok_or_else(lost)?.version)))
    };
    match registered() {
        Ok(None) => Ok(State::There),
        Ok(there) => {
            subject.there = there;
            Ok(State::New)
        }
        Err(SourceError::Refused { cause, .. }) => {
            subject.refused.push(cause);
            Ok(State::Refused)
        }
        Err(unavailable) => Err(unavailable),
    }
}

fn show(outcomes: &[(State, Subject)], answer: &mut Answer) -> anyhow::Result<()> {
    if answer.is_json {
        let row = |(state, subject): &(State, Subject)| {
            json!({
                "subject": subject.name,
                "record": subject.record,
                "id": subject.there.map(|(id, _)| id),
                "version": subject.there.map(|(_, version)| version),
                "state": state.word(),
                "errors": subject.refused,
            })
        };
        answer.json(&outcomes.iter().map(row).collect::<Vec<_>>())?;
        return Ok(());
    }
    let row = |(state, subject): &(State, Subject)| {
        let id = shown::or_dash(subject.there.map(|(id, _)| id));
        let version = shown::or_dash(subject.there.map(|(_, version)| version));
        vec![subject.name.clone(), id, version, state.word().to_owned()]
    };
    answer.table(&["SUBJECT", "ID", "VERSION", "STATE"], &[1, 2], outcomes.iter().map(row).collect())?;
    for (_, subject) in outcomes {
        for error in &subject.refused {
            answer.line(&format!("{}: {error}", subject.name))?;
        }
    }
    if outcomes.iter().any(|(state, _)| *state == State::Refused) {
        answer.line("what is missing was not registered")?;
    }
    Ok(())
}
