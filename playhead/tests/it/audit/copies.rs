//! Copies, before and after the horizon: what the processor made of them is what the audit expects by itself.

use pipeline::testing::Seeded;
use serde_json::{Value, json};

use crate::support::{Folder, testdata};

#[test]
fn a_file_that_is_ingested_again_is_a_copy_until_the_horizon_and_an_event_after_it() {
    let folder = Folder::new();
    let file = testdata("sample-session.ndjson");
    let mut counts = Vec::new();
    // Closed at 20:04 or 20:35 of the fourth, so forgotten by 03:00 of the eighth at the latest.
    for received in ["2024-05-04T20:04:00Z", "2024-05-07T20:00:00Z", "2024-05-08T02:30:00Z", "2024-05-08T03:40:00Z", "2024-05-10T00:00:00Z"]
    {
        folder.well(&["ingest", &file, "--received-time", received]);
        let report = folder.json(&["audit"]);
        let books = report["books"]["partitions"].as_array().unwrap();
        let sum = |of: &str| books.iter().map(|books| books[of]["count"].as_u64().unwrap()).sum::<u64>();
        counts.push([sum("raw"), sum("clean"), sum("duplicates")]);
    }
    assert_eq!(counts, [[32, 32, 0], [64, 32, 32], [96, 32, 64], [128, 64, 64], [160, 64, 96]]);
}

/// Events of a few sessions over some weeks: some late, some from wrong clocks, and copies of events up to `copies_h` hours old.
fn random_lines(seed: u64, copies_h: i64) -> String {
    const HOUR_MS: i64 = 3_600_000;
    let mut random = Seeded::new(seed);
    let mut below = |bound: i64| random.below(bound as u64) as i64;
    let time = |at_ms: i64| serving::rfc3339(1_704_067_200_000_000 + at_ms * 1_000);
    let (mut lines, mut sent) = (String::new(), Vec::<(i64, Value)>::new());
    let mut now_ms = 0;
    for number in 0..1_500_u64 {
        // Mostly minutes; once in a while long enough for the horizon to pass.
        now_ms += if below(100) == 0 { (76 + below(8)) * HOUR_MS } else { below(20) * below(60_000) };
        let young: Vec<_> = sent.iter().filter(|(sent_ms, _)| now_ms - sent_ms < copies_h * HOUR_MS).collect();
        let mut event = if below(2) == 0 && !young.is_empty() {
            young[below(young.len() as i64) as usize].1.clone()
        } else {
            let kinds = ["SESSION_START", "STARTUP", "HEARTBEAT", "HEARTBEAT", "PAUSE", "PLAY", "END"];
            let late_ms = if below(5) == 0 { below(40 * HOUR_MS) } else { 0 };
            let shift_ms = if below(5) == 0 { below(10) * 600_000 - HOUR_MS } else { 0 };
            let session = below(8);
            let event = json!({
                "event_id": format!("00000000-0000-4000-8000-{number:012}"), "session_id": format!("s{session}"), "profile_id": format!("p{session}"),
                "type": kinds[below(7) as usize], "event_time": time((now_ms - late_ms).max(0)), "clock_shift_ms": shift_ms, "title_id": "t",
                "position_ms": below(5_000_000), "runtime_ms": 5_400_000, "device_type": "tv",
            });
            sent.push((now_ms, event.clone()));
            event
        };
        event["received_time"] = json!(time(now_ms));
        lines += &format!("{event}\n");
    }
    lines
}

#[test]
fn what_the_processor_makes_of_copies_is_what_the_audit_expects() {
    for seed in 0..4 {
        let folder = Folder::new();
        let file = folder.write("events.ndjson", random_lines(seed, 60));
        folder.well(&["ingest", &file, "--received-time", "2024-10-01"]);
        let report = folder.json(&["audit"]);
        let sum = |of: &str| (0..4).map(|partition| report["books"]["partitions"][partition][of]["count"].as_u64().unwrap()).sum::<u64>();
        assert!(sum("clean") > 500 && sum("duplicates") > 300, "{report}");
    }
}

#[test]
fn the_books_agree_across_the_horizon_too() {
    for seed in 10..14 {
        let folder = Folder::new();
        let file = folder.write("events.ndjson", random_lines(seed, 200));
        folder.well(&["ingest", &file, "--received-time", "2024-10-01"]);
        // Rows that an event opens once more, after its session is forgotten, are another matter.
        let report: Value = serde_json::from_str(&folder.run(&["audit", "--json"]).out).unwrap();
        assert_eq!(report["books"]["findings"]["count"], 0, "seed {seed}: {}", report["books"]);
    }
}
