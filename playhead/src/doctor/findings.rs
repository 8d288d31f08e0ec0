//! What was found, said as soon as it is known.

use std::io;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::answer::Answer;

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
        let mend = if mend.is_empty() { String::new() } else { format!("; mend: {mend}") };
        self.answer.verdict(status, &format!("{check}: {detail}{mend}"))?;
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
            self.answer.line(&format!("{ok} ok, {warnings} warnings, {failures} failures"))
        }
        .context("the findings could not be written")?;
        Ok(worst)
    }
}
