//! What a block says, read by other code, is what the records say.

use proptest::prelude::*;
use schemas::{
    Attributes, CleanPlaybackEvent, CleanPrefix, EndedBy, EventType, Outcome, PlaybackEvent, Profile, ProfileKind, QosSessionSummary,
    Strings, Title, TitleKind,
};
use sink_clickhouse::{ClickHouseSink, Heard, INPUTS, Insert, Mark, QueryError, Span, Store};

use std::collections::BTreeSet;
use std::time::Duration;

use crate::input::Input;
use crate::native::Block;
use pipeline::{LogTimeRule, Shutdown, SinkOptions, run_sink, unobserved};

/// Keeps blocks.
#[derive(Default)]
struct Kept(Vec<(&'static str, Block)>);

impl Store for Kept {
    fn insert(&mut self, insert: Insert<'_>) -> Result<(), QueryError> {
        self.0.push((insert.table, Block::read(insert.block)));
        Ok(())
    }

    fn is_inserting(&mut self, _: &str) -> Result<bool, QueryError> {
        Ok(false)
    }

    fn offsets(&mut self, _: &Span) -> Result<Vec<i64>, QueryError> {
        Ok(Vec::new())
    }

    fn take_out(&mut self, _: &Span, _: &BTreeSet<i64>) -> Result<(), QueryError> {
        Ok(())
    }

    fn has_rows(&mut self, _: pipeline::TopicId, _: u32) -> Result<bool, QueryError> {
        Ok(false)
    }

    fn is_held(&mut self) -> Result<bool, QueryError> {
        Ok(false)
    }

    fn mark(&mut self, _: &BTreeSet<Mark>) -> Result<(), QueryError> {
        Ok(())
    }

    fn note_freshness(&mut self, _: &[Heard]) -> Result<(), QueryError> {
        Ok(())
    }
}

fn blocks(input: &Input) -> Vec<(&'static str, Block)> {
    let options = SinkOptions {
        flush_interval: Duration::from_hours(1),
        retry_interval: Duration::ZERO,
        on_unavailable: |_| std::ops::ControlFlow::Break(()),
        stop_when_caught_up: true,
        log_times: vec![LogTimeRule::Records; INPUTS.len()],
        observer: unobserved(),
    };
    let mut sink = ClickHouseSink::new(Kept::default(), &input.schemas);
    run_sink(&mut sink, &mut input.lane(), &options, &Shutdown::default()).unwrap();
    std::mem::take(&mut sink.store().0)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-c]{1,2}", "\\PC{0,40}"]
}

/// Texts and numbers from which the fields of a record are taken.
#[derive(Clone, Debug)]
struct Fields {
    texts: Vec<String>,
    numbers: Vec<i64>,
    /// Which optional fields are there.
    present: u64,
}

fn fields() -> impl Strategy<Value = Fields> {
    (proptest::collection::vec(text(), 12), proptest::collection::vec(any::<i64>(), 12), any::<u64>())
        .prop_map(|(texts, numbers, present)| Fields { texts, numbers, present })
}

impl Fields {
    fn text(&self, at: usize) -> Option<&str> {
        (self.present >> at & 1 == 1).then(|| self.texts[at].as_str())
    }

    fn number(&self, at: usize) -> Option<i64> {
        (self.present >> (16 + at) & 1 == 1).then(|| self.numbers[at])
    }
}

fn shown<T: ToString>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn of_events(rows in proptest::collection::vec(fields(), 1..40)) {
        let input = Input::empty();
        for (number, row) in rows.iter().enumerate() {
            let mut attributes = Vec::new();
            let pairs = row.texts[9..].iter().map(|text| (text.as_str(), "value"));
            let event = PlaybackEvent {
                event_id: u128::from(row.present).wrapping_mul(0x1234_5678_9abc_def0_1234_5678).to_be_bytes(),
                session_id: &row.texts[0],
                sequence: row.number(0),
                kind: EventType::ALL[number % 18],
                event_time: row.numbers[1],
                received_time: row.numbers[2],
                clock_shift_ms: row.number(3),
                profile_id: row.text(1),
                title_id: &row.texts[2],
                position_ms: row.number(4),
                playback_rate: row.number(5).map(|rate| rate as f32 + 0.5),
                error_fatal: row.number(6).map(|number| number > 0),
                country: row.text(3),
                cdn: row.text(4),
                attributes: Attributes::encode(pairs, &mut attributes),
                ..PlaybackEvent::default()
            };
            let prefix = CleanPrefix {
                effective_time: row.numbers[7],
                late: row.numbers[8] > 0,
                content_hash: row.present,
                source_topic_id: u128::from(row.present).to_le_bytes(),
                source_partition: 7,
                source_offset: row.numbers[9],
            };
            input.append(0, 1, 0, &CleanPlaybackEvent { prefix, event });
        }
        let blocks = blocks(&input);
        let [(table, block)] = blocks.as_slice() else { panic!("one block, and not {}", blocks.len()) };
        prop_assert_eq!((*table, block.rows), ("playback_events", rows.len()));
        let hex = |id: [u8; 16]| format!("{:032x}", u128::from_be_bytes(id));
        for (number, row) in rows.iter().enumerate() {
            let is = |column: &str| block.column(column)[number].clone();
            let pairs: Vec<String> = row.texts[9..].iter().map(|text| format!("{text}=value")).collect();
            let rate = row.number(5).map(|rate| rate as f32 + 0.5).filter(|rate| *rate != 0.0);
            let event_id = u128::from(row.present).wrapping_mul(0x1234_5678_9abc_def0_1234_5678).to_be_bytes();
            prop_assert_eq!(is("session_id"), Some(row.texts[0].clone()));
            prop_assert_eq!(is("title_id"), Some(row.texts[2].clone()));
            prop_assert_eq!(is("profile_id"), Some(row.text(1).unwrap_or_default().to_owned()));
            prop_assert_eq!(is("account_id"), Some(String::new()));
            prop_assert_eq!(is("country"), Some(row.text(3).unwrap_or_default().to_owned()));
            prop_assert_eq!(is("cdn"), Some(row.text(4).unwrap_or_default().to_owned()));
            prop_assert_eq!(is("sequence"), shown(row.number(0)));
            prop_assert_eq!(is("clock_shift_ms"), shown(row.number(3)));
            prop_assert_eq!(is("position_ms"), shown(row.number(4)));
            prop_assert_eq!(is("runtime_ms"), None);
            prop_assert_eq!(is("playback_rate"), shown(rate));
            prop_assert_eq!(is("error_fatal"), shown(row.number(6).map(|number| number > 0)));
            prop_assert_eq!(is("type"), Some(EventType::ALL[number % 18].as_str().to_owned()));
            prop_assert_eq!(is("late"), Some((row.numbers[8] > 0).to_string()));
            prop_assert_eq!(is("effective_time"), Some(row.numbers[7].to_string()));
            prop_assert_eq!(is("event_time"), Some(row.numbers[1].to_string()));
            prop_assert_eq!(is("received_time"), Some(row.numbers[2].to_string()));
            prop_assert_eq!(is("content_hash"), Some(row.present.to_string()));
            prop_assert_eq!(is("event_id"), Some(hex(event_id)));
            prop_assert_eq!(is("source_topic_id"), Some(hex(u128::from(row.present).to_le_bytes())));
            prop_assert_eq!(is("source_partition"), Some("7".to_owned()));
            prop_assert_eq!(is("source_offset"), Some(row.numbers[9].to_string()));
            prop_assert_eq!(is("attributes"), Some(pairs.join(",")));
            prop_assert_eq!(is("topic_partition"), Some("1".to_owned()));
            prop_assert_eq!(is("topic_offset"), Some(number.to_string()));
        }
    }

    #[test]
    fn of_sessions_titles_and_profiles(rows in proptest::collection::vec(fields(), 1..20)) {
        let input = Input::empty();
        for row in &rows {
            let summary = QosSessionSummary {
                session_id: &row.texts[0],
                version: row.numbers[0],
                opened_at: row.numbers[1],
                is_final: row.numbers[2] > 0,
                ended_by: EndedBy::Cut,
                title_id: &row.texts[1],
                device_type: row.text(2),
                startup_ms: row.number(3),
                playing_ms: row.numbers[4],
                outcome: row.number(5).map(|_| Outcome::PlayFailure),
                rebuffer_ratio_mux: row.number(6).map(|number| number as f64 / 3.0),
                ..QosSessionSummary::default()
            };
            input.append(1, 0, 0, &summary);
            let mut genres = Vec::new();
            let genres = Strings::encode(row.texts[8..].iter().map(String::as_str), &mut genres);
            let title = Title { title_id: &row.texts[0], valid_from: row.numbers[0], kind: TitleKind::Episode, season: row.number(1), genres, ..Title::default() };
            input.append(2, 0, 0, &title);
            let profile = Profile { profile_id: &row.texts[0], kind: ProfileKind::Kids, language: row.text(1), created_at: row.number(2), ..Profile::default() };
            input.append(3, 0, 0, &profile);
        }
        let blocks = blocks(&input);
        let tables: Vec<&str> = blocks.iter().map(|(table, _)| *table).collect();
        prop_assert_eq!(tables, ["qos_sessions", "title_versions", "profile_versions"]);
        for (number, row) in rows.iter().enumerate() {
            let is = |block: usize, column: &str| blocks[block].1.column(column)[number].clone();
            prop_assert_eq!(is(0, "session_id"), Some(row.texts[0].clone()));
            prop_assert_eq!(is(0, "version"), Some(row.numbers[0].to_string()));
            prop_assert_eq!(is(0, "opened_at"), Some(row.numbers[1].to_string()));
            prop_assert_eq!(is(0, "final"), Some((row.numbers[2] > 0).to_string()));
            prop_assert_eq!(is(0, "ended_by"), Some("cut".to_owned()));
            prop_assert_eq!(is(0, "device_type"), Some(row.text(2).unwrap_or_default().to_owned()));
            prop_assert_eq!(is(0, "startup_ms"), shown(row.number(3)));
            prop_assert_eq!(is(0, "playing_ms"), Some(row.numbers[4].to_string()));
            prop_assert_eq!(is(0, "outcome"), row.number(5).map(|_| "play_failure".to_owned()));
            prop_assert_eq!(is(0, "rebuffer_ratio_mux"), shown(row.number(6).map(|number| number as f64 / 3.0)));
            prop_assert_eq!(is(1, "kind"), Some("episode".to_owned()));
            prop_assert_eq!(is(1, "season"), shown(row.number(1)));
            prop_assert_eq!(is(1, "genres"), Some(row.texts[8..].join(",")));
            prop_assert_eq!(is(1, "topic_offset"), Some(number.to_string()));
            prop_assert_eq!(is(2, "kind"), Some("kids".to_owned()));
            prop_assert_eq!(is(2, "language"), Some(row.text(1).unwrap_or_default().to_owned()));
            prop_assert_eq!(is(2, "created_at"), shown(row.number(2)));
        }
    }
}

#[test]
fn of_titles_and_profiles_that_are_no_longer() {
    let input = Input::empty();
    input.append(2, 0, 0, &Title { title_id: "film", valid_from: 7, name: "A film", ..Title::default() });
    input.delete(2, 0, 5_000, "film");
    input.delete(3, 0, 6_000, "profile");
    input.beat(3, 0, 7_000);
    let blocks = blocks(&input);
    let is = |block: usize, column: &str| blocks[block].1.column(column).iter().map(|value| value.clone().unwrap()).collect::<Vec<_>>();
    assert_eq!(blocks.iter().map(|(table, _)| *table).collect::<Vec<_>>(), ["title_versions", "profile_versions"]);
    assert_eq!((is(0, "title_id"), is(0, "is_deleted")), (vec!["film".to_owned(); 2], vec!["false".to_owned(), "true".to_owned()]));
    assert_eq!(is(0, "valid_from"), ["7", "5000000"]);
    assert_eq!((is(1, "profile_id"), is(1, "is_deleted")), (vec!["profile".to_owned()], vec!["true".to_owned()]), "no heartbeat");
}

#[test]
fn of_many_distinct_texts() {
    // Indices of one, two and four bytes.
    for count in [256, 257, 65_536, 65_537] {
        let input = Input::empty();
        for number in 0..count {
            let title = format!("title-{number}");
            let event = PlaybackEvent { session_id: "s", title_id: &title, ..PlaybackEvent::default() };
            input.append(0, 0, 0, &CleanPlaybackEvent { event, ..CleanPlaybackEvent::default() });
        }
        let blocks = blocks(&input);
        let titles = blocks[0].1.column("title_id");
        assert!((0..count).all(|number| titles[number].as_deref() == Some(format!("title-{number}").as_str())), "{count}");
    }
}
