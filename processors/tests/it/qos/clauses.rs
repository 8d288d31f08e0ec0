//! Clauses of the rules that the design's cases leave out, above all the bounds, in the cases' own notation: seconds, then S session
//! start, F first frame, P play, Z pause, K/k seek start/end, B/b stall start/end, A/a ad, G/g background/foreground, H heartbeat,
//! Q bitrate, R rate, X error, E end, U unknown. Positions and durations are in seconds too; a sequence is given only where it counts.

use processors::qos::{Closing, Event, Label, Summary};
use schemas::EventType;

use super::fold_unsorted;

/// What the rule says, a session, and what its summary must say (durations in seconds).
const CLAUSES: &[(&str, &str, &str)] = &[
    // What opens and what closes.
    ("a PLAY that ends a pause ends no seek", "0 S · 1 F · 10 K · 11 Z · 12 P · 15 k · 20 E", "seeking 4, paused 1, playing 14"),
    ("a PLAY that ends no pause ends the seek", "0 S · 1 F · 10 K · 12 P · 20 E", "seeking 2, playing 17"),
    ("STARTUP ends no pause", "0 S · 1 Z · 5 F · 9 P · 19 E", "starting 1, paused 8, playing 10"),
    ("END ends a pause and the background", "0 S · 1 F · 5 Z · 6 G · 8 E · 9 P · 12 E", "paused 1, background 2, ended 1, playing 7"),
    ("scrubbing goes on up to and with 10 s", "0 S · 1 F · 10 K · 20 K · 21 k · 30 E", "seek_count 1, seeking 11"),
    ("a seek after more than 10 s is another", "0 S · 1 F · 10 K · 20.001 K · 21 k · 30 E", "seek_count 2, seeking 10.999"),
    ("scrubbing is over 10 s after its latest start", "0 S · 1 F · 10 K · 15 K · 40 E", "seek_count 1, seeking 15, playing 24"),
    ("each ad of a break counts", "0 S · 1 F · 10 A · 20 A · 30 a · 40 E", "ad_count 2, ad 20"),
    ("an end that was expected is forgiven once", "0 S · 1 F · 10 B · 12 P · 13 b · 14 b · 20 E", "anomalies 1, rebuffering 2"),
    ("STARTUP takes the place of AD_END", "0 S · 1 A · 9 F · 9 a · 20 E", "anomalies 0, ad 8, startup_ms 1000"),
    ("END takes the place of BUFFERING_END", "0 S · 1 F · 5 B · 6 E · 7 P · 8 b · 9 E", "anomalies 0, rebuffering 1, ended 1"),
    ("an end that is ignored uses nothing up", "0 S · 1 F · 5 B · 6 E · 6.5 b · 7 P · 8 b · 9 E", "anomalies 0"),
    ("an error after the end counts only before the start", "0 S · 1 E · 2 X fatal=1 · 3 F · 4 E", "outcome played, ended_by end"),
    // The client's duration.
    ("a measure 1 s off the start is no anomaly", "0 S · 1 F · 10 B · 14 b d=3 · 20 E", "anomalies 0, rebuffering 3"),
    ("a measure more than 1 s off is one", "0 S · 1 F · 10 B · 14 b d=2.999 · 20 E", "anomalies 1, rebuffering 2.999"),
    ("a measure does not replace a stall that has ended", "0 S · 1 F · 10 B · 12 b · 13 b d=2 · 20 E", "rebuffer_count 2, rebuffering 3"),
    (
        "a measure does not replace a stall that it begins after",
        "0 S · 1 F · 10 B · 12 P · 14 b d=2 · 20 E",
        "rebuffer_count 2, rebuffering 4",
    ),
    (
        "a measure that replaces is cut at the stall before",
        "0 S · 1 F · 5 B · 6 b · 8 B · 9 P · 10 b d=6 · 20 E",
        "rebuffer_count 2, rebuffering 5",
    ),
    ("a stall that END closed is not replaced", "0 S · 1 F · 5 B · 7 E · 8 P · 9 b d=3 · 20 E", "rebuffer_count 2, rebuffering 3, ended 1"),
    // Moving position.
    ("1,000 ms past the reference", "0 S · 1 F · 10 Z pos=9 · 15 H pos=10 · 20 E", "paused 4"),
    ("less than 1,000 ms past the reference", "0 S · 1 F · 10 Z pos=9 · 15 H pos=9.999 · 20 E", "paused 10"),
    ("only a heartbeat proves", "0 S · 1 F · 10 Z pos=9 · 15 Q pos=12 · 20 E", "paused 10"),
    ("a lower position is the reference", "0 S · 1 F · 10 Z pos=9 · 12 Q pos=5 · 20 H pos=7 · 30 E", "paused 8, playing 21"),
    ("not since before a position near the reference", "0 S · 1 F · 10 Z pos=9 · 14 H pos=9.5 · 15 H pos=14 · 20 E", "paused 4"),
    ("not since before it opened", "0 S · 1 F · 10 Z pos=9 · 15 H pos=90 · 20 E", "paused 0, pause_count 1"),
    ("moved at the rate before the event", "0 S · 1 F · 5 R rate=2 · 10 Z pos=9 · 20 H pos=17 rate=1 · 30 E", "paused 6"),
    ("SEEK_START takes references away", "0 S · 1 F · 10 Z pos=9 · 12 K pos=50 · 13 k pos=50 · 14 H pos=50 · 20 E", "paused 10"),
    ("SEEK_START takes an end's away too", "0 S · 1 F · 5 E pos=4 · 6 K · 7 H pos=30 · 9 H pos=30 · 12 E", "ended 7, ended_by end"),
    ("a start without STARTUP waits for the proof", "0 S pos=0 · 5 H pos=0.9 · 10 H pos=4 · 20 E", "starting 6, outcome played"),
    ("with a STARTUP only that counts", "0 S · 2 H pos=1 · 5 H pos=4 · 10 F pos=9 · 20 E pos=19", "starting 10, playing 10"),
    // Stalls, by where they begin.
    ("250 ms are shown", "0 S · 1 F · 10 B · 10.25 b · 20 E", "rebuffer_count 1, micro_stall_count 0, rebuffering 0.25"),
    ("less than 250 ms are not", "0 S · 1 F · 10 B · 10.249 b · 20 E", "rebuffer_count 0, micro_stall_count 1, rebuffering 0"),
    (
        "a short stall in an ad is no micro stall",
        "0 S · 1 F · 5 A · 6 B · 6.1 b · 9 a · 20 E",
        "micro_stall_count 0, ad 4, ad_rebuffering 0",
    ),
    ("5 s after a seek", "0 S · 1 F · 10 K · 11 k · 16 B · 18 b · 30 E", "seek_buffering 2, rebuffering 0"),
    ("more than 5 s after a seek", "0 S · 1 F · 10 K · 11 k · 16.001 B · 18 b · 30 E", "seek_buffering 0, rebuffering 1.999"),
    ("not far enough played after a seek", "0 S · 1 F · 10 K · 11 k pos=5 · 12 H pos=5.999 · 13 B · 15 b · 20 E", "seek_buffering 2"),
    ("played after a seek by the stall's instant", "0 S · 1 F · 10 K · 11 k pos=5 · 13 B · 13 H pos=6 · 15 b · 20 E", "rebuffering 2"),
    ("a stall cut by a seek in its middle", "0 S · 1 F · 10 B · 10.2 K · 13 b · 13 k · 20 E", "micro_stall_count 1, seek_buffering 2.8"),
    ("own time leaves out the background", "0 S · 1 F · 10 B · 10.1 G · 15 g · 15.1 b · 20 E", "micro_stall_count 1, background 4.9"),
    ("left in a stall that began in the background", "0 S · 1 F · 10 G · 12 B · 20 U", "rebuffer_count 0, ended_in_rebuffer false"),
    ("left in a stall after a seek", "0 S · 1 F · 10 K · 11 k · 12 B · 12 U", "rebuffer_count 0, ended_in_rebuffer false"),
    ("left in a stall that END closed", "0 S · 1 F · 10 B · 12 E · 13 U", "ended_in_rebuffer true, ended 1"),
    ("played after a stall that END closed", "0 S · 1 F · 10 B · 12 E · 13 P · 15 E", "ended_in_rebuffer false, rebuffer_count 1"),
    // Labels.
    ("background lies above a stall", "0 S · 1 F · 10 B · 11 G · 14 g · 15 b · 20 E", "background 3, rebuffering 2, rebuffer_count 1"),
    ("an ad lies above starting and seeking", "0 S · 1 K · 2 A · 5 a · 8 F · 20 E", "ad 3, starting 5, seeking 0"),
    // What positions prove, and silence.
    ("2 s less media than time are no proof against it", "0 S · 1 F pos=0 · 11 H pos=8 · 21 E", "playing 20, unknown 0"),
    ("more are", "0 S · 1 F pos=0 · 11 H pos=7.999 · 21 E", "playing 17.999, unknown 2.001"),
    ("of much media a tenth may lack", "0 S · 1 F pos=0 · 101 H pos=90 · 111 E", "playing 110, unknown 0"),
    ("a seek between positions voids them", "0 S · 1 F pos=0 · 20 K · 21 k · 31 H pos=5 · 41 E", "playing 39, unknown 0"),
    ("1 s more media than playing was in the background", "0 S · 1 F pos=0 · 6 G · 16 g · 21 H pos=11 · 31 E", "background 9, playing 21"),
    ("less than 1 s more was not", "0 S · 1 F pos=0 · 6 G · 16 g · 21 H pos=10.999 · 31 E", "background 10, playing 20"),
    ("300 s are no silence", "0 S · 1 F · 301 U", "playing 300, unknown 0"),
    ("more than 300 s are silence", "0 S · 1 F · 301.001 U", "playing 0, unknown 300.001"),
    ("proven playing outlasts silence", "0 S · 1 F pos=0 · 601 H pos=600", "playing 600, unknown 0"),
    (
        "a pause and the background outlast silence",
        "0 S · 1 F · 2 Z · 402 P · 403 G · 803 g · 804 E",
        "paused 400, background 400, unknown 0",
    ),
    ("an ad does not", "0 S · 1 F · 2 A · 402 a · 403 E", "ad 0, unknown 400"),
    ("watch time is the latest", "0 S · 1 F · 401 P · 402 E d=100 · 402 U", "playing 100, unknown 301"),
    ("watch time of two ends", "0 S · 1 F · 401 E d=50 · 401 P · 801 E d=60", "playing 110, unknown 690"),
    ("an error has no watch time", "0 S · 1 F · 401 X fatal=1 d=400", "playing 0, unknown 400"),
    // Figures.
    ("the client's startup covers a silence", "0 S · 400 F d=399 · 410 E", "startup_ms 399000, unknown 400"),
    ("a start that the viewer left", "0 S · 1 G · 2 g · 3 F d=9 · 10 E", "startup_ms null, anomalies 0"),
    ("SESSION_START after STARTUP", "0 F · 1 S · 10 E", "startup_ms null, playing 10"),
    ("equal times, a missing sequence first", "0 S seq=0 · 0 F seq=1 · 5 P seq=3 · 5 E", "ended_by timeout, lost_events 1"),
    ("repeated sequences lose nothing", "0 S seq=4 · 1 F seq=4 · 2 H seq=3 · 3 E seq=7", "lost_events 2"),
    (
        "switches without STARTUP",
        "0 S bitrate=1 · 5 H pos=0 bitrate=2 · 7 H pos=2 bitrate=3 · 9 E bitrate=1",
        "bitrate_up_count 1, bitrate_down_count 1",
    ),
    (
        "mean bitrate by media",
        "0 S · 1 F bitrate=1000 rate=2 · 11 R rate=1 bitrate=4000 · 21 E",
        "avg_bitrate_bps 2000, min_bitrate_bps 1000",
    ),
    ("equal networks: the first to play", "0 S cdn=3 · 1 F cdn=2 · 11 Q cdn=1 · 21 E", "cdn 2"),
    (
        "ads are watched only by Mux's ratio",
        "0 S · 1 F · 10 B · 15 b · 20 A · 26 a · 27 A · 31 B · 35 b · 36 a · 40 E",
        "ad 11, ad_rebuffering 4, rebuffer_ratio_mux 0.125, rebuffer_ratio_cta2066 0.2, rebuffer_ratio_media3 0.2",
    ),
    (
        "a start that can't be told is not in Media3's ratio",
        "0 S · 1 G · 2 g · 7 F · 12 B · 17 b · 27 E",
        "starting 6, rebuffer_ratio_media3 0.25, rebuffer_ratio_cta2066 0.19230769230769232, connection_induced_rebuffer_ratio 0.25",
    ),
    (
        "seeks are watched",
        "0 S · 0 F · 10 B · 20 b · 30 K · 35 k · 35 B · 40 b · 80 E",
        "seeking 5, seek_buffering 5, rebuffer_ratio_cta2066 0.125, rebuffer_ratio_media3 0.125, rebuffer_ratio_mux 0.125",
    ),
    ("networks of a session that never played", "0 S cdn=3 · 1 U cdn=2 · 2 E", "cdn 3"),
];

fn parse(text: &str, index: usize) -> Event {
    let mut words = text.split(' ');
    let at_us = micros(words.next().expect("a time"));
    let kind = match words.next().expect("a letter") {
        "S" => EventType::SessionStart,
        "F" => EventType::Startup,
        "P" => EventType::Play,
        "Z" => EventType::Pause,
        "K" => EventType::SeekStart,
        "k" => EventType::SeekEnd,
        "B" => EventType::BufferingStart,
        "b" => EventType::BufferingEnd,
        "A" => EventType::AdStart,
        "a" => EventType::AdEnd,
        "G" => EventType::Background,
        "g" => EventType::Foreground,
        "H" => EventType::Heartbeat,
        "Q" => EventType::BitrateChange,
        "R" => EventType::RateChange,
        "X" => EventType::Error,
        "E" => EventType::End,
        "U" => EventType::Unknown,
        letter => panic!("no event is written {letter}"),
    };
    // Hashes grow, so events of the same time stay as they are written unless a sequence says otherwise.
    words.fold(Event::new(at_us, index as u64, kind), |event, word| {
        let (name, value) = word.split_once('=').expect("name=value");
        match name {
            "pos" => event.with_position_ms(Some(micros(value) / 1_000)),
            "d" => event.with_duration_ms(Some(micros(value) / 1_000)),
            "rate" => event.with_rate_thousandths(u32::try_from(micros(value) / 1_000).ok()),
            "bitrate" => event.with_bitrate_bps(value.parse().ok()),
            "cdn" => event.with_cdn(value.parse().expect("a number")),
            "seq" => event.with_sequence(value.parse().ok()),
            "fatal" => event.with_error(value == "1", 1),
            name => panic!("no field is written {name}"),
        }
    })
}

fn micros(seconds: &str) -> i64 {
    (seconds.parse::<f64>().expect("seconds") * 1e6).round() as i64
}

fn figure(summary: &Summary, name: &str) -> String {
    let null = |value: Option<i64>| value.map_or("null".to_owned(), |value| value.to_string());
    let ratio = |value: Option<f64>| value.map_or("null".to_owned(), |value| value.to_string());
    match name {
        "startup_ms" => null(summary.startup_ms()),
        "rebuffer_count" => summary.rebuffer_count.to_string(),
        "micro_stall_count" => summary.micro_stall_count.to_string(),
        "seek_count" => summary.seek_count.to_string(),
        "pause_count" => summary.pause_count.to_string(),
        "ad_count" => summary.ad_count.to_string(),
        "anomalies" => summary.anomalies.to_string(),
        "lost_events" => summary.lost_events.to_string(),
        "bitrate_up_count" => summary.bitrate_up_count.to_string(),
        "bitrate_down_count" => summary.bitrate_down_count.to_string(),
        "avg_bitrate_bps" => null(summary.avg_bitrate_bps),
        "min_bitrate_bps" => null(summary.min_bitrate_bps),
        "cdn" => null(summary.cdn.map(i64::from)),
        "outcome" => summary.outcome.map_or("null", |outcome| outcome.as_str()).to_owned(),
        "ended_by" => summary.ended_by.as_str().to_owned(),
        "rebuffer_ratio_cta2066" => ratio(summary.rebuffer_ratio_cta2066()),
        "rebuffer_ratio_media3" => ratio(summary.rebuffer_ratio_media3()),
        "rebuffer_ratio_mux" => ratio(summary.rebuffer_ratio_mux()),
        "connection_induced_rebuffer_ratio" => ratio(summary.connection_induced_rebuffer_ratio()),
        "ended_in_rebuffer" => summary.ended_in_rebuffer.to_string(),
        name => {
            let label = Label::ALL.into_iter().find(|label| label.as_str() == name);
            let label = label.unwrap_or_else(|| panic!("the fold has no figure {name}"));
            (summary.durations[label] as f64 / 1e6).to_string()
        }
    }
}

#[test]
fn every_clause() {
    let mut wrong = Vec::new();
    for (clause, session, expected) in CLAUSES {
        let events: Vec<Event> = session.split(" · ").enumerate().map(|(index, text)| parse(text, index)).collect();
        let summary = fold_unsorted(&events, Closing::Timeout);
        for figures in expected.split(", ") {
            let (name, expected) = figures.split_once(' ').expect("a name and a value");
            let found = figure(&summary, name);
            if found != expected {
                wrong.push(format!("{clause}: {session}: {name} is {found}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
