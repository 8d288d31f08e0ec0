//! `playhead doctor`

use crate::answer::Answer;
use crate::cli::Doctor;
use crate::config::Config;
use crate::doctor::{Findings, Status, examine};
use crate::failure::Verdict;

pub(super) fn run(args: &Doctor, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let mut findings = Findings::new(answer);
    examine(config, args.dev, &mut findings)?;
    Ok(match findings.conclude()? {
        Status::Ok | Status::Warning => Verdict::Well,
        Status::Failure => Verdict::BadNews,
    })
}
