//! CPU seconds and resident bytes of this process, and what is made of them.

use serde::{Deserialize, Serialize};

/// One figure, with the bar that it is held to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    /// What was measured.
    pub(crate) value: f64,
    pub(crate) unit: String,
    /// What it should be, where there is such a bar.
    pub(crate) bar: Option<Bar>,
    /// CPU seconds spent, user + system; 0 where time was not measured.
    pub(crate) cpu_s: f64,
    /// Events measured; 0 where there were none.
    pub(crate) events: u64,
}

/// A bar, from below or above.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    /// Events a CPU second.
    pub(crate) fn rate(name: &str, events: u64, cpu_s: f64, bar: f64) -> Self {
        let value = events as f64 / cpu_s;
        Self { name: name.into(), value, unit: "events/CPU s".into(), bar: Some(Bar::AtLeast(bar)), cpu_s, events }
    }

    /// A figure without time.
    pub(crate) fn plain(name: &str, value: f64, unit: &str, bar: Option<Bar>) -> Self {
        Self { name: name.into(), value, unit: unit.into(), bar, cpu_s: 0.0, events: 0 }
    }

    pub(crate) fn is_met(&self) -> Option<bool> {
        Some(match self.bar? {
            Bar::AtLeast(bar) => self.value >= bar,
            Bar::AtMost(bar) => self.value <= bar,
        })
    }
}

/// CPU seconds (user + system) of this process so far.
#[expect(unsafe_code, reason = "getrusage has no safe wrapper in the standard library")]
pub(crate) fn cpu_seconds() -> f64 {
    // SAFETY: rusage is plain integers, for which zero is a value, and getrusage writes to the one that it is given.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &raw mut usage), 0, "getrusage for oneself does not fail");
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// CPU seconds that `work` takes.
pub(crate) fn cpu_of(work: impl FnOnce()) -> f64 {
    let before = cpu_seconds();
    work();
    cpu_seconds() - before
}

/// The most that was resident of this process so far, bytes.
pub(crate) fn peak_resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells a process its size");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|rest| rest.trim().strip_suffix(" kB"));
    peak.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("the status has the peak") * 1024
}

/// Resident bytes of this process.
pub(crate) fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux tells a process its size");
    let pages: u64 = status.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("statm's second field is the resident pages");
    pages * 4096
}
