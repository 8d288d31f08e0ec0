//! Raw records that vanished, doubled, changed, or never were.

use schemas::{CleanPlaybackEvent, DeadLetter, PlaybackEvent};
use serde_json::json;

use super::{Audited, CLEAN, healthy, middle, source_of};
use crate::rebuilt::{Lying, Parts};

/// The first dead letter of all: its partition and place among the letters, and where it came from.
fn letter(parts: &Parts) -> (usize, usize, String) {
    let partition = parts.log["dead_letters"].iter().position(|records| !records.is_empty()).unwrap();
    let decoder = parts.decoder::<DeadLetter<'_>>();
    let letter: DeadLetter<'_> = decoder.decode(parts.log["dead_letters"][partition][0].value.as_deref().unwrap()).unwrap();
    (partition, 0, format!("{} offset {}", letter.source, letter.offset))
}

#[test]
fn a_clean_record_dropped() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let index = middle(&parts.log[CLEAN][1]);
        let record = parts.topic(CLEAN)[1].remove(index);
        place = format!("playback_events-1 offset {}", source_of(parts, &record));
    });
    audited.finds("books", &[("missing", &place, "is neither passed on nor refused, and is no copy")]);
    assert_eq!(audited.are_sums_equal(), [true, false, true, true]);
}

#[test]
fn a_clean_record_doubled() {
    let mut place = String::new();
    let mut places = String::new();
    let audited = Audited::with(|parts| {
        let index = middle(&parts.log[CLEAN][2]);
        let record = parts.log[CLEAN][2][index].clone();
        place = format!("playback_events-2 offset {}", source_of(parts, &record));
        places = format!("{CLEAN}-2 offset {index}, {CLEAN}-2 offset {}", parts.log[CLEAN][2].len());
        parts.topic(CLEAN)[2].push(record);
    });
    audited.finds("books", &[("doubled", &place, &places)]);
    assert_eq!(audited.are_sums_equal(), [true, true, false, true]);
}

#[test]
fn a_byte_of_a_clean_body_altered() {
    let (mut place, mut detail) = (String::new(), String::new());
    let audited = Audited::with(|parts| {
        let index = middle(&parts.log[CLEAN][0]);
        place = format!("playback_events-0 offset {}", source_of(parts, &parts.log[CLEAN][0][index]));
        detail = format!("{CLEAN}-0 offset {index} does not carry the event that came in");
        let decoder = parts.decoder::<CleanPlaybackEvent<'_>>();
        parts.topic(CLEAN)[0][index].edit::<CleanPlaybackEvent<'_>>(&decoder, |clean| clean.event.event_id[15] ^= 1);
    });
    audited.finds("books", &[("altered", &place, &detail)]);
    assert_eq!(audited.are_sums_equal(), [false, true, true, true]);
}

#[test]
fn a_content_hash_altered() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let index = middle(&parts.log[CLEAN][0]);
        place = format!("playback_events-0 offset {}", source_of(parts, &parts.log[CLEAN][0][index]));
        let decoder = parts.decoder::<CleanPlaybackEvent<'_>>();
        parts.topic(CLEAN)[0][index].edit::<CleanPlaybackEvent<'_>>(&decoder, |clean| clean.prefix.content_hash ^= 1);
    });
    audited.finds("books", &[("altered", &place, "states another content hash")]);
}

#[test]
fn a_raw_record_altered_after_it_was_passed_on() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let index = middle(&parts.log[CLEAN][3]);
        let offset = source_of(parts, &parts.log[CLEAN][3][index]);
        place = format!("playback_events-3 offset {offset}");
        let decoder = parts.decoder::<PlaybackEvent<'_>>();
        let raw = &mut parts.topic("playback_events")[3][usize::try_from(offset).unwrap()];
        raw.edit::<PlaybackEvent<'_>>(&decoder, |event| event.bitrate_bps = Some(7));
    });
    audited.finds("books", &[("altered", &place, "does not carry the event that came in")]);
}

#[test]
fn a_clean_record_that_was_never_sent() {
    let (mut place, mut detail) = (String::new(), String::new());
    let audited = Audited::with(|parts| {
        let offset = i64::try_from(parts.log["playback_events"][1].len()).unwrap() + 5;
        let mut forged = parts.log[CLEAN][1][middle(&parts.log[CLEAN][1])].clone();
        forged.edit::<CleanPlaybackEvent<'_>>(&parts.decoder::<CleanPlaybackEvent<'_>>(), |clean| clean.prefix.source_offset = offset);
        place = format!("{CLEAN}-1 offset {}", parts.log[CLEAN][1].len());
        detail = format!("it says that it came from playback_events-1 offset {offset}, where no event lies");
        parts.topic(CLEAN)[1].push(forged);
    });
    audited.finds("books", &[("never_sent", &place, &detail)]);
}

#[test]
fn a_copy_passed_on() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        // The first record of a session once more, behind everything else.
        let mut clean = parts.log[CLEAN][0].iter().find(|record| record.value.is_some()).unwrap().clone();
        let raw = usize::try_from(source_of(parts, &clean)).unwrap();
        let raw = parts.log["playback_events"][0][raw].clone();
        let offset = parts.log["playback_events"][0].len();
        let decoder = parts.decoder::<CleanPlaybackEvent<'_>>();
        clean.edit::<CleanPlaybackEvent<'_>>(&decoder, |clean| clean.prefix.source_offset = offset as i64);
        place = format!("playback_events-0 offset {offset}");
        // At the time of the first, as log time goes: well within the horizon.
        parts.topic("playback_events")[0].truncate(offset);
        parts.topic("playback_events")[0].push(raw);
        parts.topic(CLEAN)[0].push(clean);
    });
    audited.finds("books", &[("doubled", &place, "had come before, and is passed on again")]);
}

#[test]
fn a_record_that_nobody_processed() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let mut raw = parts.log["playback_events"][0][middle(&parts.log["playback_events"][0])].clone();
        raw.edit::<PlaybackEvent<'_>>(&parts.decoder::<PlaybackEvent<'_>>(), |event| event.event_id = [7; 16]);
        place = format!("playback_events-0 offset {}", parts.log["playback_events"][0].len());
        parts.topic("playback_events")[0].push(raw);
    });
    audited.finds("books", &[("missing", &place, "event 07070707-0707-0707-0707-070707070707 of session")]);
}

#[test]
fn a_dead_letter_dropped() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let (partition, index, source) = letter(parts);
        place = source;
        parts.topic("dead_letters")[partition].remove(index);
    });
    audited.finds("books", &[("missing", &place, "it must be refused (")]);
    assert!(audited.are_sums_equal().contains(&false));
}

#[test]
fn a_dead_letter_doubled() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let (partition, index, source) = letter(parts);
        place = source;
        let letter = parts.log["dead_letters"][partition][index].clone();
        parts.topic("dead_letters")[partition].push(letter);
    });
    audited.finds("books", &[("doubled", &place, "it ended more than once: dead_letters-")]);
}

#[test]
fn a_dead_letter_altered() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let (partition, index, source) = letter(parts);
        place = source;
        let decoder = parts.decoder::<DeadLetter<'_>>();
        parts.topic("dead_letters")[partition][index].edit::<DeadLetter<'_>>(&decoder, |letter| letter.value = Some(b"nothing"));
    });
    audited.finds("books", &[("altered", &place, "does not hold the record as it came")]);
}

#[test]
fn a_good_event_both_passed_on_and_refused() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let clean = &parts.log[CLEAN][0][middle(&parts.log[CLEAN][0])];
        let offset = source_of(parts, clean);
        let raw = parts.log["playback_events"][0][usize::try_from(offset).unwrap()].clone();
        place = format!("playback_events-0 offset {offset}");
        let decoder = parts.decoder::<DeadLetter<'_>>();
        let of_partition_0 = |record: &&Lying| record.key == b"playback_events-0";
        let found = parts.log["dead_letters"].iter().position(|records| records.iter().any(|record| of_partition_0(&record))).unwrap();
        let mut letter = parts.log["dead_letters"][found].iter().find(of_partition_0).unwrap().clone();
        letter.edit::<DeadLetter<'_>>(&decoder, |letter| {
            (letter.offset, letter.timestamp) = (offset, raw.timestamp_ms * 1000);
            letter.key = Some(Vec::leak(raw.key.clone()));
            letter.value_length = raw.value.as_ref().map(|value| value.len() as i64);
            letter.value = raw.value.map(|value| &*Vec::leak(value));
        });
        parts.topic("dead_letters")[found].push(letter);
    });
    audited.finds("books", &[("doubled", &place, "offset")]);
}

#[test]
fn the_records_of_two_partitions_swapped() {
    let audited = Audited::with(|parts| parts.topic(CLEAN).swap(0, 1));
    let books = audited.section("books");
    assert_eq!(audited.code, 1);
    let clean = |partition: usize| healthy().1.log[CLEAN][partition].iter().filter(|record| record.value.is_some()).count();
    assert_eq!(books["by_fault"], json!({"missing": clean(0) + clean(1), "misplaced": clean(0) + clean(1)}));
    let first = &books["first"][0];
    let offset = healthy().1.log[CLEAN][1].iter().position(|record| record.value.is_some()).unwrap();
    assert_eq!((&first["fault"], &first["place"]), (&json!("misplaced"), &json!(format!("{CLEAN}-0 offset {offset}"))), "{first}");
    assert!(first["detail"].as_str().unwrap().starts_with("it came from playback_events-1 offset "), "{first}");
    assert_eq!(audited.are_sums_equal(), [false, false, true, true]);
}
