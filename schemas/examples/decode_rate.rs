//! How many PlaybackEvents one core decodes and validates in a second: `cargo run --release -p playhead-schemas --example decode_rate`.
//!
//! The best of several rounds over a thousand different events of about 200 bytes with all 27 fields, on our own schema and on newer ones.
#![expect(clippy::print_stdout, reason = "a program whose only output is text")]

use std::hint::black_box;
use std::time::Instant;

use schemas::{Attributes, EventType, Plan, PlaybackEvent, Record, Rejection, clean};

const EVENTS: usize = 1000;
const ROUNDS: usize = 15;
const REPEATS: usize = 400;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bodies: Vec<Vec<u8>> = (0..EVENTS).map(body).collect();
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    println!("{} bytes an event on average", bytes / EVENTS);
    let current = Plan::current::<PlaybackEvent<'_>>();
    let newer_bodies: Vec<Vec<u8>> = bodies.iter().map(|body| [body.as_slice(), &[0]].concat()).collect();
    let newer_schema =
        PlaybackEvent::SCHEMA.replace("\n  ]\n}", ", {\"name\": \"added\", \"type\": [\"null\", \"string\"], \"default\": null}]}");
    let newer = Plan::compile::<PlaybackEvent<'_>>(&newer_schema)?;
    let mut event = PlaybackEvent::default();
    report("decode in place", &bodies, |body| event.decode_into(&current, body));
    report("decode", &bodies, |body| PlaybackEvent::decode(&current, body).map(seen));
    let other_schema = PlaybackEvent::SCHEMA.replace("\"UNKNOWN\"], \"default\"", "\"UNKNOWN\", \"CHAPTER\"], \"default\"");
    let other = Plan::compile::<PlaybackEvent<'_>>(&other_schema)?;
    report("decode with a field added at the end", &newer_bodies, |body| PlaybackEvent::decode(&newer, body).map(seen));
    report("decode with a symbol added", &bodies, |body| PlaybackEvent::decode(&other, body).map(seen));
    let events = bodies.iter().map(|body| PlaybackEvent::decode(&current, body)).collect::<Result<Vec<_>, _>>()?;
    let mut out = Vec::with_capacity(1024);
    report("encode", &events, |event| {
        out.clear();
        event.encode(&mut out);
        black_box(&out);
        Ok(())
    });
    report("content_hash", &bodies, |body| {
        black_box(clean::content_hash(body));
        Ok(())
    });
    Ok(())
}

/// Makes the compiler believe that the event is used.
fn seen(event: PlaybackEvent<'_>) {
    black_box(&event);
}

fn report<'i, T>(what: &str, inputs: &'i [T], mut run: impl FnMut(&'i T) -> Result<(), Box<Rejection>>) {
    assert!(inputs.iter().all(|input| run(input).is_ok()), "{what}: every event is a good one");
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..REPEATS {
            for input in inputs {
                black_box(run(black_box(input)).is_ok());
            }
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    let nanos = best * 1e9 / (REPEATS * inputs.len()) as f64;
    println!("{what}: {nanos:.1} ns, {:.1} M/s", 1000.0 / nanos);
}

/// An event with all fields, of about 200 bytes.
fn body(index: usize) -> Vec<u8> {
    let (session_id, profile_id) = (format!("s-{index:08x}-{:04}", index % 97), format!("p{index:07}"));
    let mut attributes = Vec::new();
    let event = PlaybackEvent {
        event_id: (index as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes(),
        session_id: &session_id,
        sequence: Some(index as i64),
        kind: EventType::ALL[index % 17],
        event_time: 1_770_000_000_000_000 + index as i64 * 1_234_567,
        received_time: 1_770_000_000_500_000 + index as i64 * 1_234_567,
        clock_shift_ms: Some(431),
        profile_id: Some(&profile_id),
        account_id: Some("acct-0042"),
        title_id: "tt0903747",
        episode_id: Some("s05e14"),
        position_ms: Some(1_834_000 + index as i64),
        runtime_ms: Some(2_850_000),
        duration_ms: Some(812),
        bitrate_bps: Some(4_500_000),
        playback_rate: Some(1.0),
        error_code: Some("E1"),
        error_fatal: Some(false),
        preview: Some(false),
        device_id: Some("dev-7f31"),
        device_type: Some("tv"),
        country: Some("DE"),
        region: Some("BY"),
        cdn: Some("cdn-a"),
        player: Some("shaka 4.7"),
        app_version: Some("12.4.1"),
        attributes: Attributes::encode([("ab", "x"), ("net", "wifi")], &mut attributes),
    };
    let mut out = Vec::new();
    event.encode(&mut out);
    out
}
