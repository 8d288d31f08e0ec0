//! Seeded runs of the fuzz targets. PLAYHEAD_FUZZ_RUNS says how many inputs each of them gets.
//!
//! Inputs are made as a good client makes them, from cells and fields of which some are bad, and then a few of their bytes are spoiled: bytes
//! at random would all be refused at the door. Each test holds that a good part of its inputs comes to the end of the way.

use pipeline::testing::Seeded;
use producers::ingest::fuzz_ingest_line;
use producers::viewing_activity::fuzz_csv;

fn runs() -> usize {
    std::env::var("PLAYHEAD_FUZZ_RUNS").map_or(20_000, |runs| runs.parse().expect("PLAYHEAD_FUZZ_RUNS is a number"))
}

fn below(random: &mut Seeded, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).unwrap()
}

/// What a column or field is called, what it may hold, and what something on its way refuses.
struct Part {
    name: &'static str,
    good: &'static [&'static str],
    bad: &'static [&'static str],
}

const fn part(name: &'static str, good: &'static [&'static str], bad: &'static [&'static str]) -> Part {
    Part { name, good, bad }
}

impl Part {
    /// A value: one in 32 is a bad one.
    fn value(&self, random: &mut Seeded) -> &'static str {
        let values = if below(random, 32) == 0 && !self.bad.is_empty() { self.bad } else { self.good };
        values[below(random, values.len())]
    }
}

/// Spoils up to `most` bytes from `start` on: replaces, takes out, puts in, cuts off.
fn spoil(input: &mut Vec<u8>, start: usize, most: usize, random: &mut Seeded) {
    for _ in 0..below(random, most + 1) {
        if input.len() <= start {
            return;
        }
        let place = start + below(random, input.len() - start);
        match below(random, 8) {
            0..=2 => input[place] = random.bits().to_le_bytes()[0],
            3 => drop(input.remove(place)),
            4..=6 => input.insert(place, b"\",{}[]:\n\r\0\xFF0-\\"[below(random, 14)]),
            _ => input.truncate(place),
        }
    }
}

fn shuffle<T>(items: &mut [T], random: &mut Seeded) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(random, last + 1));
    }
}

const HOSTILE_JSON: &[&str] =
    &["null", "\"\"", "-1", "9223372036854775807", "18446744073709551616", "1e400", "\"\\u0000\"", "\"\\ud800\"", "[[[[]]]]", "{\"a\":{}}"];
const ID: &[&str] = &["\"a1\"", "\"\u{e9}\u{4e16}\"", "\"018d0000-0000-7000-8000-000000000001\"", "\"a\\nb\"", "\"\u{1F600}\""];
const TIME: &[&str] = &["\"2023-12-31T23:59:00Z\"", "1704067200000000", "\"2024-01-01T01:00:00.123456+01:00\"", "1703980800000001"];
const COUNT: &[&str] = &["0", "1", "180000", "86400000", "null"];
/// What an event of any topic may have.
const OTHERS: &[Part] = &[
    part("event_id", &["\"018d0000-0000-7000-8000-000000000001\"", "null"], HOSTILE_JSON),
    part("received_time", &["1704067200000001", "null"], HOSTILE_JSON),
    part("attributes", &["{}", "{\"a\":\"b\"}", "{\"\":\"\"}"], &["{\"a\":1}", "{\"\\u0000\":\"\"}", "[]"]),
];
/// For each topic what an event of it needs, and what it may have besides.
const EVENTS: [(&[Part], &[Part]); 3] = [
    (
        &[
            part("session_id", ID, HOSTILE_JSON),
            part("type", &["\"PLAY\"", "\"SESSION_START\"", "\"HEARTBEAT\"", "\"WARP\""], HOSTILE_JSON),
            part("event_time", TIME, HOSTILE_JSON),
            part("title_id", ID, HOSTILE_JSON),
        ],
        &[
            part("profile_id", ID, HOSTILE_JSON),
            part("clock_shift_ms", &["0", "-3600000", "null"], HOSTILE_JSON),
            part("sequence", COUNT, HOSTILE_JSON),
            part("position_ms", COUNT, HOSTILE_JSON),
            part("duration_ms", COUNT, HOSTILE_JSON),
            part("bitrate_bps", COUNT, HOSTILE_JSON),
            part("playback_rate", &["1.0", "0.5", "0", "16"], &["-1", "17", "1e38", "1e-40", "NaN"]),
            part("country", &["\"BR\"", "null"], HOSTILE_JSON),
            part("preview", &["true", "false", "null"], HOSTILE_JSON),
        ],
    ),
    (
        &[
            part("app_session_id", ID, HOSTILE_JSON),
            part("type", &["\"CLICK\"", "\"WARP\""], HOSTILE_JSON),
            part("event_time", TIME, HOSTILE_JSON),
        ],
        &[
            part("profile_id", ID, HOSTILE_JSON),
            part("clock_shift_ms", &["0", "-3600000", "null"], HOSTILE_JSON),
            part("rating", &["1", "5"], HOSTILE_JSON),
        ],
    ),
    (
        &[
            part("account_id", ID, HOSTILE_JSON),
            part("type", &["\"PAUSED\"", "\"REFUNDED\""], HOSTILE_JSON),
            part("event_time", TIME, HOSTILE_JSON),
        ],
        &[part("amount_minor", &["-9223372036854775808", "999"], HOSTILE_JSON), part("currency", &["\"EUR\""], HOSTILE_JSON)],
    ),
];

fn line(random: &mut Seeded) -> Vec<u8> {
    let (needed, more) = &EVENTS[below(random, EVENTS.len())];
    let mut parts: Vec<&Part> = needed.iter().collect();
    parts.extend(more.iter().chain(OTHERS).filter(|_| below(random, 6) == 0));
    shuffle(&mut parts, random);
    if below(random, 64) == 0 {
        parts.pop();
    }
    let fields: Vec<_> = parts.iter().map(|part| format!("\"{}\":{}", part.name, part.value(random))).collect();
    let mut line = format!("{{{}}}", fields.join([",", " , "][below(random, 2)])).into_bytes();
    // Half of them stay good JSON, so that the rules behind the parser get their share.
    if below(random, 2) == 0 {
        spoil(&mut line, 0, 3, random);
    }
    line
}

#[test]
fn any_bytes_are_judged_as_lines() {
    let mut random = Seeded::new(1);
    let runs = runs();
    let mut taken = 0;
    for _ in 0..runs {
        taken += fuzz_ingest_line(&line(&mut random));
    }
    assert!(taken > runs / 4, "{taken} of {runs} lines were taken: the inputs are too bad to test much");
    for deep in ["[".repeat(5_000), format!("{{\"attributes\":{}", "{\"a\":".repeat(200))] {
        assert_eq!(fuzz_ingest_line(deep.as_bytes()), 0);
    }
}

const CLOCK: &[&str] = &["00:40:20", "0:00:00", "23:59:59", "00:02:00"];
const BAD_CLOCK: &[&str] = &["", "-1:00:00", "999999:59:59", "99:40:20", "0:60:00", "1:00", "0:0:0:0", "+1:00:00", "a:b:c"];
const START: &[&str] = &["2020-04-05 00:20:43", "2024-02-29 23:59:59", "\"2020-04-05 00:20:43\""];
const BAD_START: &[&str] = &["", "-262144-01-01 00:00:00", "+262142-12-31 23:59:59", "2020-04-05T00:20:43Z", "1999-12-31 23:59:59"];
const TEXT: &[&str] = &["p3", "\"a, \"\"b\"\"\"", "t\u{e9}t", " x ", "\"p,3\""];
const BAD_TEXT: &[&str] = &["", " ", "\"", "\"a\"b\"", "a\0b"];
const KIND: &[&str] = &["", "HOOK"];
const DEVICE: &[&str] = &["tv", "", "mobile"];
const COUNTRY: &[&str] = &["BR", "", "BR (Brazil)"];
const BAD_COUNTRY: &[&str] = &["Brazil", "br", "(", "\u{c4}\u{d6}"];
/// The columns as we name them, and as Netflix does.
const COLUMNS: [[Part; 10]; 2] = [
    [
        part("profile", TEXT, BAD_TEXT),
        part("start_time", START, BAD_START),
        part("duration", CLOCK, BAD_CLOCK),
        part("title", TEXT, BAD_TEXT),
        part("supplemental_type", KIND, BAD_TEXT),
        part("autoplayed", &["0", "1", "true", ""], &["2", "yes"]),
        part("device_type", DEVICE, BAD_TEXT),
        part("bookmark", CLOCK, BAD_CLOCK),
        part("latest_bookmark", &["Not latest view", "00:01:00", ""], BAD_TEXT),
        part("country", COUNTRY, BAD_COUNTRY),
    ],
    [
        part("Profile Name", TEXT, BAD_TEXT),
        part("Start Time", START, BAD_START),
        part("Duration", CLOCK, BAD_CLOCK),
        part("Attributes", &["", "Autoplayed: user action: None; ", "Has branched playback; "], BAD_TEXT),
        part("Title", TEXT, BAD_TEXT),
        part("Supplemental Video Type", KIND, BAD_TEXT),
        part("Device Type", DEVICE, BAD_TEXT),
        part("Bookmark", CLOCK, BAD_CLOCK),
        part("Latest Bookmark", &["Not latest view", "00:01:00"], BAD_TEXT),
        part("Country", COUNTRY, BAD_COUNTRY),
    ],
];

/// A header and one to four rows under it.
fn file(random: &mut Seeded) -> Vec<u8> {
    let mut columns: Vec<&Part> = COLUMNS[below(random, COLUMNS.len())].iter().collect();
    shuffle(&mut columns, random);
    let mut file = if below(random, 16) == 0 { b"\xEF\xBB\xBF".to_vec() } else { Vec::new() };
    file.extend(columns.iter().map(|part| part.name).collect::<Vec<_>>().join(",").bytes());
    file.push(b'\n');
    // The header is spoiled in one of 16 files only: without it there are no rows.
    let start = if below(random, 16) == 0 { 0 } else { file.len() };
    for _ in 0..=below(random, 4) {
        let cells: Vec<_> = columns.iter().map(|part| part.value(random)).collect();
        file.extend(cells.join(",").bytes());
        file.extend_from_slice(["\n", "\r\n", "\n\n"][below(random, 3)].as_bytes());
    }
    spoil(&mut file, start, 3, random);
    file
}

#[test]
fn any_bytes_are_read_as_viewing_activity() {
    let mut random = Seeded::new(2);
    let runs = runs();
    let mut encoded = 0;
    for _ in 0..runs {
        encoded += fuzz_csv(&file(&mut random));
    }
    assert!(encoded > runs / 2, "{encoded} rows of {runs} files became events: the inputs are too bad to test much");
    for header in ["", "\n", "profile;start_time\n", "profile,profile\n", "\"profile\n", "\u{FEFF}\u{FEFF}profile\n"] {
        assert_eq!(fuzz_csv(header.as_bytes()), 0, "{header:?}");
    }
}
