//! The books of a raw topic: every record that came in ends exactly once, passed on, refused, or as a copy of one that was passed on.

use pipeline::{Record, TopicId, heartbeat};
use processors::playback::{IMPORT_HEADER, Playback};
use schemas::{CleanPlaybackEvent, Decoder, PlaybackEvent, Rejection, admission};

use super::RAW;
use super::letters::{Letter, Letters, content_hash};
use super::memory::{Expectation, Memory};
use super::passed_on::{self, CLEAN, Passed};
use super::reading::{Reading, Values};
use super::report::{Fault, Findings, PartitionBooks};
use super::view::StagePosition;
use crate::config::PlaybackSettings;

/// The stage that reads the topic.
const STAGE: &str = Playback::NAME;

/// Keeps the books of every partition.
pub(super) fn audit(
    reading: &mut Reading,
    letters: &Letters,
    settings: &PlaybackSettings,
    findings: &mut Findings,
) -> anyhow::Result<Vec<PartitionBooks>> {
    let mut clean_values = Values::of::<CleanPlaybackEvent<'static>>(&reading.schemas);
    let mut raw_values = Values::of::<PlaybackEvent<'static>>(&reading.schemas);
    let mut books = Vec::new();
    for partition in 0..reading.view.partitions(RAW) {
        let mut memory = Memory::new(settings.state_horizon_ms, settings.silence_ms);
        let (passed, expired) = passed_on::read(reading, &mut clean_values, partition, &mut memory, findings)?;
        let place = Place { partition, first: reading.view.range(RAW, partition).start, stage: reading.view.position(STAGE, partition) };
        let mut keeper = Bookkeeper::new(place, &passed, letters.of(STAGE, partition), memory, findings);
        keeper.books.expired = expired;
        reading.partition(RAW, partition, &mut |record| {
            let decoder = raw_values.decoder_for(record.value.unwrap_or_default())?;
            keeper.take(record, decoder);
            Ok(())
        })?;
        books.push(keeper.close());
    }
    Ok(books)
}

/// A partition.
#[derive(Clone, Copy)]
struct Place {
    partition: u32,
    /// The first offset that the log holds.
    first: i64,
    /// How far the stage is.
    stage: StagePosition,
}

/// Keeps the books of one partition. Raw records come by rising offset; what came of them is at hand by source offset.
struct Bookkeeper<'a> {
    place: Place,
    log_time_ms: i64,
    passed: BySource<'a, Passed>,
    letters: BySource<'a, Letter>,
    memory: Memory,
    books: PartitionBooks,
    findings: &'a mut Findings,
}

impl<'a> Bookkeeper<'a> {
    fn new(place: Place, passed: &'a [Passed], letters: &'a [Letter], memory: Memory, findings: &'a mut Findings) -> Self {
        let books = PartitionBooks { topic: RAW.to_owned(), partition: place.partition, ..PartitionBooks::default() };
        let passed = BySource { items: passed, source_offset: |passed| passed.source_offset };
        let letters = BySource { items: letters, source_offset: |letter| letter.source_offset };
        Self { place, log_time_ms: i64::MIN, passed, letters, memory, books, findings }
    }

    /// The next raw record.
    fn take(&mut self, record: &Record<'_>, decoder: &Decoder) {
        self.log_time_ms = self.log_time_ms.max(record.timestamp_ms);
        self.take_never_sent(record.offset);
        let is_event = !heartbeat::is_heartbeat(record);
        if record.offset >= self.place.stage.judged {
            self.books.pending += u64::from(is_event);
        } else if is_event {
            self.take_event(record, decoder);
        } else {
            self.books.heartbeats += 1;
        }
    }

    fn take_event(&mut self, record: &Record<'_>, decoder: &Decoder) {
        let (passed, letters) = (self.passed.of(record.offset), self.letters.of(record.offset));
        let next = record.offset.saturating_add(1);
        (self.passed, self.letters) = (self.passed.from(next), self.letters.from(next));
        let hash = content_hash(record.value);
        self.books.raw.add(hash);
        self.compare(record, hash, passed, letters);
        if passed.len() + letters.len() > 1 {
            let places: Vec<_> = passed.iter().map(|passed| self.clean_place(passed)).chain(letters.iter().map(Letter::place)).collect();
            self.find(Fault::Doubled, record.offset, || format!("it ended more than once: {}", places.join(", ")));
        }
        if letters.is_empty() {
            self.judge(record, decoder, hash, passed);
        }
    }

    /// Whether what came of the record carries what came in.
    fn compare(&mut self, record: &Record<'_>, hash: u64, passed: &[Passed], letters: &[Letter]) {
        for passed in passed {
            self.books.clean.add(passed.body_hash);
            if passed.body_hash != hash {
                let place = self.clean_place(passed);
                self.find(Fault::Altered, record.offset, || format!("{place} does not carry the event that came in"));
            } else if passed.stated_hash != hash {
                let place = self.clean_place(passed);
                self.find(Fault::Altered, record.offset, || format!("{place} states another content hash than that of its event"));
            }
        }
        for letter in letters {
            self.books.dead_letters.add(letter.content_hash.unwrap_or(hash));
            if !letter.is_of(record) {
                self.find(Fault::Altered, record.offset, || format!("{} does not hold the record as it came", letter.place()));
            }
        }
    }

    /// What a record must have come to that was not refused.
    fn judge(&mut self, record: &Record<'_>, decoder: &Decoder, hash: u64, passed: &[Passed]) {
        let event = match open(record, decoder) {
            Ok(event) => event,
            Err(rejection) if passed.is_empty() => {
                let detail = || format!("it must be refused ({rejection}), but has no dead letter");
                return self.find(Fault::Missing, record.offset, detail);
            }
            // A verdict is given once: what was accepted stays so, whatever today's rules say.
            Err(rejection) => match open_accepted(record, decoder) {
                Ok(event) => event,
                Err(_) => {
                    return self.find(Fault::NeverSent, record.offset, || format!("it is passed on, but holds no event: {rejection}"));
                }
            },
        };
        let expected = self.memory.expect(&event, self.log_time_ms);
        let said = || format!("event {} of session {:?}", uuid(event.event_id), event.session_id);
        match (expected, passed) {
            (Expectation::Copy | Expectation::Either, []) => return self.books.duplicates.add(hash),
            (Expectation::New, []) => {
                self.find(Fault::Missing, record.offset, || format!("{} is neither passed on nor refused, and is no copy", said()));
            }
            (Expectation::Copy, [passed, ..]) => {
                let place = self.clean_place(passed);
                self.find(Fault::Doubled, record.offset, || format!("{} had come before, and is passed on again as {place}", said()));
            }
            (Expectation::New | Expectation::Either, _) => {}
        }
        self.memory.remember(&event, self.log_time_ms, record.header(IMPORT_HEADER).is_some());
    }

    /// What says that it came from offsets before `offset` at which no event lies, or none that is processed.
    fn take_never_sent(&mut self, offset: i64) {
        let (passed, letters) = (self.passed.before(offset), self.letters.before(offset));
        if passed.is_empty() && letters.is_empty() {
            return;
        }
        let source = format!("{RAW}-{}", self.books.partition);
        let Place { first, stage, .. } = self.place;
        self.books.expired += letters.iter().filter(|letter| (0..first).contains(&letter.source_offset)).count() as u64;
        // Of a record that is gone, or was processed while positions were taken, nothing can be said.
        let is_judged = |source_offset: i64| !(0..first).contains(&source_offset) && !stage.is_between(source_offset);
        let passed = passed.iter().filter(|passed| is_judged(passed.source_offset));
        let letters = letters.iter().filter(|letter| is_judged(letter.source_offset));
        let passed = passed.map(|passed| (self.clean_place(passed), passed.source_offset));
        let letters = letters.map(|letter| (letter.place(), letter.source_offset));
        let found: Vec<_> = passed.chain(letters).collect();
        for (place, source_offset) in found {
            let detail = format!("it says that it came from {source} offset {source_offset}, where no event lies that was processed");
            self.findings.add(Fault::NeverSent, place, detail);
        }
        (self.passed, self.letters) = (self.passed.from(offset), self.letters.from(offset));
    }

    /// The books, once every raw record has been taken.
    fn close(mut self) -> PartitionBooks {
        self.take_never_sent(i64::MAX);
        self.books.sums_equal = self.books.are_sums_equal();
        self.books
    }

    fn clean_place(&self, passed: &Passed) -> String {
        format!("{CLEAN}-{} offset {}", self.books.partition, passed.offset)
    }

    fn find(&mut self, fault: Fault, offset: i64, detail: impl FnOnce() -> String) {
        let partition = self.books.partition;
        self.findings.add_with(fault, || (format!("{RAW}-{partition} offset {offset}"), detail()));
    }
}

/// What came of raw records, by their offsets; those that are behind are cut off.
struct BySource<'a, T> {
    items: &'a [T],
    source_offset: fn(&T) -> i64,
}

impl<'a, T> BySource<'a, T> {
    fn of(&self, offset: i64) -> &'a [T] {
        &self.items[self.count_before(offset)..self.count_before(offset.saturating_add(1))]
    }

    fn before(&self, offset: i64) -> &'a [T] {
        &self.items[..self.count_before(offset)]
    }

    fn from(&self, offset: i64) -> Self {
        Self { items: &self.items[self.count_before(offset)..], source_offset: self.source_offset }
    }

    /// A step or two, for offsets are asked for one after the other.
    fn count_before(&self, offset: i64) -> usize {
        self.items.iter().take_while(|item| (self.source_offset)(item) < offset).count()
    }
}

/// Reads a raw record and holds it to the rules of records.
fn open<'a>(record: &Record<'a>, decoder: &Decoder) -> Result<PlaybackEvent<'a>, Box<Rejection>> {
    admission::open(record.value)?;
    let event: PlaybackEvent<'_> = decoder.decode(record.value.unwrap_or_default())?;
    admission::check_key(record.key, "session_id", event.session_id)?;
    Ok(event)
}

/// Reads a raw record without holding it to anything.
fn open_accepted<'a>(record: &Record<'a>, decoder: &Decoder) -> Result<PlaybackEvent<'a>, Box<Rejection>> {
    let (_, plan, body) = decoder.open(record.value.unwrap_or_default())?;
    PlaybackEvent::decode_accepted(plan, body)
}

/// As ids are written everywhere: 8-4-4-4-12 hexadecimal digits.
fn uuid(id: [u8; 16]) -> String {
    let digits = TopicId(id).to_string();
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests;
