//! `playhead dev` has the same routes on its own server.

use serde_json::json;

use super::watched::Metrics;
use crate::dev_server::{Dev, session, until};
use crate::support::Folder;

#[test]
fn dev_is_measured_healthy_and_ready() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    until(|| dev.get("/readyz"), |answer| answer.status == 200);
    dev.accepted(&session("s1"));
    let health = dev.until("/healthz", |health| health["records_behind"]["serving"] == 0 && health["events"]["accepted"] == 4);
    assert_eq!((&health["status"], &health["problems"]), (&json!("ok"), &json!([])));
    let stages: Vec<&str> = health["lanes"].as_array().unwrap().iter().map(|lane| lane["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["playback", "profile", "serving"]);
    assert!(health["lanes"].as_array().unwrap().iter().all(|lane| lane["state"] == "running"), "{health}");

    // Heartbeats have gone through every stage.
    let metrics = until(
        || Metrics(dev.get("/metrics").body),
        |metrics| {
            let fresh = |stage| metrics.values("playhead_freshness_seconds", &[&format!("stage=\"{stage}\"")]);
            metrics.sum("playhead_state_entries", &["place=\"memory\"", "stage=\"profile\""]) >= 1.0
                && ["playback", "profile", "serving"].iter().all(|stage| !fresh(stage).is_empty())
        },
    );
    let freshness = metrics.values("playhead_freshness_seconds", &[]);
    assert!(freshness.iter().all(|seconds| (-1.0..60.0).contains(seconds)), "{freshness:?}");
    assert!(metrics.sum("playhead_records_total", &["stage=\"playback\""]) >= 4.0);
    assert!(metrics.sum("playhead_outputs_total", &["stage=\"playback\""]) >= 4.0);
    assert_eq!(metrics.sum("playhead_gateway_events_total", &["status=\"accepted\""]), 4.0);
    assert!(metrics.sum("playhead_commit_duration_seconds_count", &["stage=\"serving\""]) >= 1.0);
    assert!(metrics.sum("process_resident_memory_bytes", &[]) > 1e6 && metrics.sum("process_cpu_seconds_total", &[]) > 0.0);
    assert_eq!(metrics.values("playhead_build_info", &[concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"")]), [1.0]);
    let head = dev.get("/metrics").head;
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
}
