//! What was found, said as soon as it is known.

use std::io;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::shown::counted;

/// So many names stand in a line.
const NAMED: usize = 4;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Ok,
    /// It works, but not as it should.
    Warning,
    /// It does not work, or records are in danger.
    Failure,
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// What was found so far.
pub(crate) struct Findings<'a> {
    answer: &'a mut Answer,
    json: Vec<Value>,
    counts: [u64; 3],
}

impl<'a> Findings<'a> {
    pub(crate) fn new(answer: &'a mut Answer) -> Self {
        Self { answer, json: Vec::new(), counts: [0; 3] }
    }

    pub(super) fn ok(&mut self, check: &str, detail: &str) -> io::Result<()> {
        self.add(Status::Ok, check, detail, "")
    }

    /// `mend` says what to do.
    pub(super) fn warning(&mut self, check: &str, detail: &str, mend: &str) -> io::Result<()> {
        self.add(Status::Warning, check, detail, mend)
    }

    pub(super) fn failure(&mut self, check: &str, detail: &str, mend: &str) -> io::Result<()> {
        self.add(Status::Failure, check, detail, mend)
    }

    pub(super) fn add(&mut self, status: Status, check: &str, detail: &str, mend: &str) -> io::Result<()> {
        self.counts[status as usize] += 1;
        if self.answer.is_json {
            let mend = Some(mend).filter(|mend| !mend.is_empty());
            self.json.push(json!({"check": check, "status": status.name(), "detail": detail, "mend": mend}));
            return Ok(());
        }
        self.say(status, &format!("{check}: {detail}"), mend)
    }

    /// The same of several things, each a check of its own: one line in words.
    pub(super) fn add_each(&mut self, status: Status, kind: &str, names: &[&str], detail: &str, mend: &str) -> io::Result<()> {
        if self.answer.is_json || names.len() < 2 {
            return names.iter().try_for_each(|name| self.add(status, &format!("{kind} {name}"), detail, mend));
        }
        self.counts[status as usize] += names.len() as u64;
        let shown =
            if names.len() <= NAMED { names.join(", ") } else { format!("{} and {} more", names[..NAMED].join(", "), names.len() - NAMED) };
        self.say(status, &format!("{kind}s {shown}: {detail}"), mend)
    }

    fn say(&mut self, status: Status, said: &str, mend: &str) -> io::Result<()> {
        self.answer.verdict(status, said)?;
        if !mend.is_empty() {
            self.answer.line(&format!("         mend: {mend}"))?;
        }
        self.answer.flush()
    }

    /// Says what it all comes to: the worst status.
    pub(crate) fn conclude(self) -> anyhow::Result<Status> {
        let [ok, warnings, failures] = self.counts;
        let worst = match (warnings, failures) {
            (0, 0) => Status::Ok,
            (_, 0) => Status::Warning,
            _ => Status::Failure,
        };
        if self.answer.is_json {
            self.answer.json(&json!({"status": worst.name(), "ok": ok, "warnings": warnings, "failures": failures, "checks": self.json}))
        } else {
            self.answer.line(&format!("{ok} ok, {}, {}", counted(warnings, "warning"), counted(failures, "failure")))
        }
        .context("the findings could not be written")?;
        Ok(worst)
    }
}
