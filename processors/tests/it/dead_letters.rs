//! Every reason, from raw bytes to the dead letter and back.

use std::collections::BTreeSet;

use schemas::{DeadLetter, EventType, Plan, PlaybackEvent, Reason, Record as _, SchemaSource, wire};

use crate::driver::{DAY, event};
use crate::world::World;

/// A raw record that must be refused, and why.
struct Poison {
    reason: Reason,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

fn poison(world: &World) -> Vec<Poison> {
    let good = event(0, EventType::SessionStart, 0);
    let valid = |event: &PlaybackEvent<'_>| world.value(event);
    let of_bytes = |reason, value: Vec<u8>| Poison { reason, key: Some(b"s".to_vec()), value: Some(value) };
    let of =
        |reason, event: PlaybackEvent<'_>| Poison { reason, key: Some(event.session_id.as_bytes().to_vec()), value: Some(valid(&event)) };
    let long = "x".repeat(300);
    let mut cut_short = valid(&good);
    cut_short.pop();
    let mut with_a_tail = valid(&good);
    with_a_tail.push(0);
    let mut unknown_schema = valid(&good);
    unknown_schema[1..5].copy_from_slice(&999u32.to_be_bytes());
    let other_record = world.schemas.register("x-value", schemas::ActiveStream::SCHEMA).unwrap();
    let mut wrong_schema = valid(&good);
    wrong_schema[1..5].copy_from_slice(&other_record.to_be_bytes());
    let mut not_utf8 = valid(&PlaybackEvent { title_id: "????", ..good.clone() });
    let place = not_utf8.windows(4).position(|bytes| bytes == b"????").unwrap();
    not_utf8[place] = 0xff;
    let mut buffer = Vec::new();
    let entries: Vec<(String, &str)> = (0..33).map(|number| (number.to_string(), "v")).collect();
    let too_many = schemas::Attributes::encode(entries.iter().map(|(name, value)| (name.as_str(), *value)), &mut buffer);
    let big = "y".repeat(2_100);
    let mut other_buffer = Vec::new();
    let too_large = schemas::Attributes::encode([("a", big.as_str())], &mut other_buffer);
    let huge = "z".repeat(1_000_000);
    vec![
        of_bytes(Reason::NotFramed, b"{\"json\":true}".to_vec()),
        of_bytes(Reason::UnknownSchemaId, unknown_schema),
        of_bytes(Reason::Undecodable, cut_short),
        of_bytes(Reason::TrailingBytes, with_a_tail),
        of_bytes(Reason::WrongSchemaForTopic, wrong_schema),
        Poison { reason: Reason::MissingKey, key: None, value: Some(valid(&good)) },
        Poison { reason: Reason::KeyMismatch, key: Some(b"other".to_vec()), value: Some(valid(&good)) },
        Poison { reason: Reason::NullValue, key: Some(b"s".to_vec()), value: None },
        of(Reason::EmptyId, PlaybackEvent { session_id: "", ..good.clone() }),
        of(Reason::IdTooLong, PlaybackEvent { session_id: &long[..65], ..good.clone() }),
        of(Reason::IdTooLong, PlaybackEvent { profile_id: Some(&long), ..good.clone() }),
        of_bytes(Reason::NotUtf8, not_utf8),
        of(Reason::TimeBefore2000, PlaybackEvent { event_time: 946_684_799_999_999, ..good.clone() }),
        of(Reason::NegativePosition, PlaybackEvent { position_ms: Some(-1), ..good.clone() }),
        of(Reason::PositionOutOfRange, PlaybackEvent { position_ms: Some(48 * 3_600_000 + 1), ..good.clone() }),
        of(Reason::NegativeDuration, PlaybackEvent { duration_ms: Some(-1), ..good.clone() }),
        of(Reason::BadBitrate, PlaybackEvent { bitrate_bps: Some(2_000_000_001), ..good.clone() }),
        of(Reason::BadRate, PlaybackEvent { playback_rate: Some(16.5), ..good.clone() }),
        of(Reason::BadCountry, PlaybackEvent { country: Some("br"), ..good.clone() }),
        of(Reason::TooManyAttributes, PlaybackEvent { attributes: too_many, ..good.clone() }),
        of(Reason::AttributesTooLarge, PlaybackEvent { attributes: too_large, ..good.clone() }),
        of(Reason::RecordTooLarge, PlaybackEvent { error_code: Some(&huge), ..good.clone() }),
    ]
}

/// Reasons that a processor never gives for a raw record: they are the gateway's, ingest's, or depend on state and have a test of their own.
const GIVEN_ELSEWHERE: [Reason; 3] = [Reason::TimeTooOld, Reason::ReceivedTimeInFuture, Reason::SessionTooLong];

#[test]
fn every_reason_becomes_a_dead_letter_that_holds_the_raw_bytes() {
    let world = World::new();
    let poison = poison(&world);
    let covered: BTreeSet<Reason> = poison.iter().map(|poison| poison.reason).chain(GIVEN_ELSEWHERE).collect();
    let all: BTreeSet<Reason> = Reason::ALL.iter().copied().collect();
    assert_eq!(covered, all);

    for poison in &poison {
        world.append_bytes(1, DAY, poison.key.as_deref(), poison.value.as_deref());
    }
    let good = event(0, EventType::SessionStart, 0);
    world.append_bytes(1, DAY, Some(b"s"), Some(&world.value(&good)));
    let totals = world.run_playback(&[], &[]).0.unwrap();
    assert_eq!((totals.rejected, totals.records), (poison.len() as u64, poison.len() as u64 + 1));

    let letters: Vec<_> = (0..3).flat_map(|partition| world.log.records("dead_letters", partition)).collect();
    assert_eq!(letters.len(), poison.len());
    let topic_id = world.log.topic_id("playback_events").0;
    for (offset, (letter, poison)) in (0..).zip(letters.iter().zip(&poison)) {
        assert_eq!(letter.key.as_deref(), Some(b"playback_events-1".as_slice()));
        let (_, body) = wire::split(letter.value.as_deref().unwrap()).unwrap();
        let letter = DeadLetter::decode(&Plan::current::<DeadLetter<'_>>(), body).unwrap();
        assert_eq!(letter.reason, poison.reason.as_str(), "{}", letter.detail);
        assert_eq!((letter.topic_id, letter.partition, letter.offset, letter.stage), (topic_id, 1, offset, "playback"));
        assert_eq!(letter.key, poison.key.as_deref(), "{}", letter.reason);
        assert_eq!((letter.timestamp, letter.failed_at, letter.attempts), (DAY * 1000, DAY * 1000, 1));
        let length = poison.value.as_ref().map(|value| value.len() as i64);
        assert_eq!(letter.value_length, length);
        match poison.reason {
            // Larger than a dead letter may be: by reference.
            Reason::RecordTooLarge => {
                let value = poison.value.as_deref().unwrap();
                assert_eq!(letter.value, Some(&value[..64 * 1024]));
                assert_eq!(letter.value_sha256, Some(<sha2::Sha256 as sha2::Digest>::digest(value).into()));
            }
            _ => assert_eq!((letter.value, letter.value_sha256), (poison.value.as_deref(), None), "{}", letter.reason),
        }
    }
}

#[test]
fn the_rest_of_the_batch_goes_on() {
    let world = World::new();
    for number in 0..100u32 {
        if number % 3 == 0 {
            world.append_bytes(0, DAY, Some(b"s"), Some(b"rubbish"));
        } else {
            let made = event(number, EventType::Heartbeat, i64::from(number));
            world.append_bytes(0, DAY, Some(b"s"), Some(&world.value(&made)));
        }
    }
    let totals = world.run_playback(&[], &[]).0.unwrap();
    assert_eq!((totals.rejected, totals.records, totals.dropped), (34, 100, 0));
    assert_eq!(world.log.records("playback_events.clean", 0).iter().filter(|record| record.value.is_some()).count(), 66);
}
