//! A command that is killed.

/// What is run until it is done, and how the folder is audited then.
pub(super) struct Killed {
    pub(super) args: Vec<String>,
    pub(super) audit: &'static [&'static str],
}

impl Killed {
    pub(super) fn new(args: &[&str], audit: &'static [&'static str]) -> Self {
        Self { args: args.iter().map(|&arg| arg.to_owned()).collect(), audit }
    }

    pub(super) fn with_interval<'a>(&'a self, interval: &'a str) -> Vec<&'a str> {
        self.args.iter().map(String::as_str).chain(["--snapshot-interval", interval]).collect()
    }
}
