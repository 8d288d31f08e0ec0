//! `playhead dev`

use crate::answer::Answer;
use crate::cli::Dev;
use crate::config::Config;
use crate::dev;
use crate::failure::Verdict;

pub(super) fn run(args: &Dev, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    dev::run(args.listen.as_deref().unwrap_or(&config.listen), config, answer)
}
