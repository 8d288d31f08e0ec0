//! `playhead dev`

use crate::answer::Answer;
use crate::config::Config;
use crate::dev;
use crate::failure::Verdict;

pub(super) fn run(config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    dev::run(config, answer)
}
