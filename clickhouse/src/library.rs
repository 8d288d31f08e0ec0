//! Where libchdb lies.

use std::path::{Path, PathBuf};

/// The version of libchdb that this was built for and tested with; `scripts/stack install chdb` brings it.
pub const LIBRARY_VERSION: &str = "26.7.3-stable.1";

/// Names the library's file.
pub const LIBRARY_VARIABLE: &str = "PLAYHEAD_CHDB";

/// Where it lies: `named`, or what PLAYHEAD_CHDB names, or where `make setup` puts it.
#[must_use]
pub fn library_path(named: Option<&Path>) -> PathBuf {
    let of_environment = || std::env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    named.map(Path::to_owned).or_else(of_environment).unwrap_or_else(default_path)
}

/// `~/.cache/playhead/stack/chdb-VERSION/libchdb.so`, as scripts/stack has it.
fn default_path() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let stack = variable("STACK_CACHE").unwrap_or_else(|| {
        let cache = variable("XDG_CACHE_HOME").unwrap_or_else(|| variable("HOME").unwrap_or_default().join(".cache"));
        cache.join("playhead").join("stack")
    });
    stack.join(format!("chdb-{LIBRARY_VERSION}")).join("libchdb.so")
}
