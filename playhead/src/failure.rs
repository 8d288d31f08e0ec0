//! How the program ends: its exit code, and one line that says what is wrong and what to do next.

use std::error::Error as StdError;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::{log, shown};

/// What a command that ran to its end says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is well: exit code 0.
    Well,
    /// The answer is bad news (rows malformed, lines rejected, what was written became dead letters, books that differ, changes refused, nothing
    /// under the name asked for): exit code 1.
    BadNews,
    /// A plan has changes that were not carried out: exit code 2, as of other tools that plan. Where that can be, failures have 3.
    Pending,
}

/// Turns the outcome into an exit code: 0 well, 1 the answer is bad news, 2 a plan with changes, and `failed` for usage, configuration, or anything
/// that kept it from answering.
pub(crate) fn exit_code(outcome: anyhow::Result<Verdict>, failed: u8) -> ExitCode {
    match outcome {
        Ok(Verdict::Well) => ExitCode::SUCCESS,
        Ok(Verdict::BadNews) => ExitCode::from(1),
        Ok(Verdict::Pending) => ExitCode::from(2),
        // Whoever read our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let line = format!("{error:#}").replace('\n', " ");
            let line = shown::escaped(&line);
            if !log::last_words(&line) {
                // Where stderr is gone too there is nobody left to tell.
                writeln!(anstream::stderr(), "playhead: {line}").ok();
            }
            ExitCode::from(failed)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause: &(dyn StdError + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
