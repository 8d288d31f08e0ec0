use pipeline::testing::Seeded;
use producers::ingest::fuzz_ingest_line;
use producers::viewing_activity::fuzz_csv;

/// How many inputs a bounded run tries; `PLAYHEAD_FUZZ_RUNS` for longer ones.
fn runs() -> u64 {
    std::env::var("PLAYHEAD_FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(20_000)
}

fn below(random: &mut Seeded, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).unwrap()
}

/// Takes pieces of good inputs, and spoils some bytes.
fn spoiled(random: &mut Seeded, pieces: &[&[u8]]) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..below(random, 8) + 1 {
        input.extend_from_slice(pieces[below(random, pieces.len())]);
    }
    for _ in 0..below(random, 4) {
        let place = below(random, input.len());
        match below(random, 4) {
            0 => input[place] = random.bits().to_le_bytes()[0],
            1 => drop(input.remove(place)),
            2 => input.insert(place, b"\",{}[]:\n\r\0\xFF0-"[below(random, 13)]),
            _ => input.truncate(place),
        }
        if input.is_empty() {
            break;
        }
    }
    input
}

#[test]
fn any_bytes_are_judged_as_lines() {
    let mut random = Seeded::new(1);
    let event = br#"{"event_id":"018d0000-0000-7000-8000-000000000001","session_id":"s1","type":"PLAY","event_time":"2023-12-31T23:59:00Z","title_id":"t1"}"#;
    let pieces: [&[u8]; 12] = [
        event,
        br#"{"session_id":"s1","type":"PLAY","event_time":1704067200000000,"title_id":"t1","position_ms":1"#,
        br#","attributes":{"a":"b"}"#,
        br#"{"app_session_id":"a","type":"CLICK","event_time":"2024-01-01T00:00:00Z","rating":1e38}"#,
        br#"{"account_id":"a","type":"REFUNDED","event_time":"2024-01-01T00:00:00Z","amount_minor":-9223372036854775808}"#,
        b"}",
        b",\"received_time\":1704067200000001",
        b",\"playback_rate\":0.0",
        b"[[[[[[[[",
        b"\"\\u0000\"",
        b"null",
        b" ",
    ];
    for _ in 0..runs() {
        fuzz_ingest_line(&spoiled(&mut random, &pieces));
    }
    fuzz_ingest_line(event);
}

#[test]
fn any_bytes_are_read_as_viewing_activity() {
    let mut random = Seeded::new(2);
    let pieces: [&[u8]; 7] = [
        b"p3,2020-04-05 00:20:43,00:40:20,t1,,0,mobile,00:40:30,Not latest view,BR\n",
        b"p3,2020-04-05 00:20:43,99:40:20,t1,HOOK,1,mobile,999999:40:30,00:01:00,\n",
        b"\"p,3\",2020-04-05 00:20:43,00:40:20,\"a \"\"b\"\"\",,0,tv,00:00:00,,Brazil\n",
        b"-262144-01-01 00:00:00,",
        b"999999:59:59,",
        b"\n",
        b"\"",
    ];
    for _ in 0..runs() {
        let mut input =
            b"profile,start_time,duration,title,supplemental_type,autoplayed,device_type,bookmark,latest_bookmark,country\n".to_vec();
        input.extend(spoiled(&mut random, &pieces));
        fuzz_csv(&input);
        fuzz_csv(&input[below(&mut random, 120).min(input.len())..]);
    }
}
