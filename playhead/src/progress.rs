//! What a person sees while something runs: on a terminal only, on standard error.

use std::io::Read;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Bars and spinners, or nothing where standard error is no terminal.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    is_shown: bool,
}

impl Progress {
    /// Shown unless the answer is JSON or standard error is no terminal.
    pub(crate) fn new(is_json: bool) -> Self {
        Self { is_shown: !is_json && std::io::IsTerminal::is_terminal(&std::io::stderr()) }
    }

    /// A bar over the bytes of an input; a spinner where nobody knows how many there are.
    pub(crate) fn reading<R: Read>(&self, what: &str, length: Option<u64>, input: R) -> impl Read + use<R> {
        let bar = self.bar(length);
        bar.set_style(style(if length.is_some() { "{msg} [{bar:30}] {bytes}/{total_bytes} {eta}" } else { "{spinner} {msg} {bytes}" }));
        bar.set_message(what.to_owned());
        bar.wrap_read(input)
    }

    /// A bar over things that are counted.
    pub(crate) fn counting(&self, what: &str, total: u64) -> Counting {
        let bar = self.bar(Some(total));
        bar.set_style(style("{msg} [{bar:30}] {human_pos}/{human_len} {eta}"));
        bar.set_message(what.to_owned());
        Counting { bar }
    }

    /// A spinner for a stage.
    pub(crate) fn stage(&self, name: &str) -> Stage {
        let bar = self.bar(None);
        bar.set_style(style("{spinner} {msg} {elapsed}"));
        bar.set_message(name.to_owned());
        if self.is_shown {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Stage { bar }
    }

    fn bar(&self, length: Option<u64>) -> ProgressBar {
        let target = if self.is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        ProgressBar::with_draw_target(length, target).with_finish(indicatif::ProgressFinish::AndClear)
    }
}

/// Things that are counted.
pub(crate) struct Counting {
    bar: ProgressBar,
}

impl Counting {
    /// So many so far.
    pub(crate) fn set(&self, count: u64) {
        self.bar.set_position(count);
    }

    /// Takes the bar away.
    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }
}

/// A stage that runs.
pub(crate) struct Stage {
    bar: ProgressBar,
}

impl Stage {
    /// Takes the spinner away.
    pub(crate) fn done(self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are templates")
}
