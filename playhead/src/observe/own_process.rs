//! What the system says of this process: metrics under the names that every exporter uses.

use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, Opts, Registry};

/// Clock ticks of /proc a second: 100 on every Linux, whatever the kernel counts in.
const TICKS_PER_S: f64 = 100.0;
/// Of memory; /proc/self/status counts in these.
const KIB: f64 = 1024.0;

/// Reads /proc/self when metrics are asked for.
#[derive(Debug)]
struct OwnProcess {
    resident_bytes: Gauge,
    cpu_seconds: Counter,
    threads: Gauge,
    open_files: Gauge,
}

/// Registers the metrics of this process, and which build it is.
pub(super) fn register(registry: &Registry) -> prometheus::Result<()> {
    let gauge = |name: &str, help: &str| Gauge::with_opts(Opts::new(name, help));
    registry.register(Box::new(OwnProcess {
        resident_bytes: gauge("process_resident_memory_bytes", "Resident memory.")?,
        cpu_seconds: Counter::new("process_cpu_seconds_total", "CPU time, user and system.")?,
        threads: gauge("process_threads", "Threads.")?,
        open_files: gauge("process_open_fds", "Open file descriptors.")?,
    }))?;
    let build = Opts::new("playhead_build_info", "1; which build this is.").const_label("version", env!("CARGO_PKG_VERSION"));
    let build = Gauge::with_opts(build)?;
    build.set(1.0);
    registry.register(Box::new(build))
}

impl Collector for OwnProcess {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let set = |gauge: &Gauge, value: Option<f64>| {
            if let Some(value) = value {
                gauge.set(value);
            }
        };
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        set(&self.resident_bytes, status_field(&status, "VmRSS:").map(|kib| kib * KIB));
        set(&self.threads, status_field(&status, "Threads:"));
        if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
            self.cpu_seconds.inc_by((seconds - self.cpu_seconds.get()).max(0.0));
        }
        // Among them the one that is being read.
        set(&self.open_files, fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1) as f64));
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}

impl OwnProcess {
    fn all(&self) -> [&dyn Collector; 4] {
        [&self.resident_bytes, &self.cpu_seconds, &self.threads, &self.open_files]
    }
}

/// A line of /proc/self/status: its name, a number, and perhaps a unit.
fn status_field(status: &str, name: &str) -> Option<f64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// utime and stime of /proc/self/stat, the 14th and 15th field; the second is a name in parentheses that may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc() {
        let status = "Name:\tplayhead\nVmRSS:\t  123456 kB\nThreads:\t7\n";
        assert_eq!((status_field(status, "VmRSS:"), status_field(status, "Threads:")), (Some(123_456.0), Some(7.0)));
        assert_eq!(status_field(status, "VmSwap:"), None);
        let stat = "42 (a ) name) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("42 nothing"), None);
    }

    #[test]
    fn of_this_very_process() {
        let registry = Registry::new();
        register(&registry).unwrap();
        let gathered = registry.gather();
        let names: Vec<&str> = gathered.iter().map(MetricFamily::name).collect();
        assert_eq!(
            names,
            ["playhead_build_info", "process_cpu_seconds_total", "process_open_fds", "process_resident_memory_bytes", "process_threads"]
        );
        let resident = gathered.iter().find(|family| family.name() == "process_resident_memory_bytes").unwrap();
        assert!(resident.get_metric()[0].get_gauge().get_value() > 1e6);
    }
}
