//! The processor under test: drops duplicates, counts by key, closes a key that was silent, refuses poison. All of its state matters: a
//! restore that is off by one record, one timer or one verdict changes its outputs.

use std::collections::{BTreeMap, BTreeSet};

use pipeline::{
    Blocked, DeadLetters, Judgement, Moment, NotAState, Outcome, OutputTopic, Outputs, Processor, Record, Rejection, SavedPiece,
    SegmentPlace, TopicId, TopicPartition, Unavailable,
};

pub(crate) const STAGE: &str = "counter";
/// A key without a new record for this long is closed, and forgotten.
pub(crate) const SILENCE_MS: i64 = 5_000;

pub(crate) const CLEAN: u16 = 0;
pub(crate) const TOTALS: u16 = 1;
pub(crate) const DEAD_LETTERS: u16 = 2;

#[derive(Clone, Debug, Default)]
struct Count {
    ids: BTreeSet<Vec<u8>>,
    due_ms: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    source: TopicPartition,
    by_key: BTreeMap<Vec<u8>, Count>,
    due: BTreeSet<(i64, Vec<u8>)>,
    /// Keys whose values were put away: how many there are, and where.
    away: BTreeMap<Vec<u8>, Away>,
    saving: Option<Saving>,
}

#[derive(Clone, Copy, Debug)]
struct Away {
    count: usize,
    due_ms: i64,
    place: SegmentPlace,
}

/// Keys as they were when a save began, that are still to be saved; and those that were changed since, as they were.
#[derive(Debug, Default)]
struct Saving {
    rest: BTreeSet<Vec<u8>>,
    before: Vec<(Vec<u8>, Count)>,
    away: Vec<(Vec<u8>, Away)>,
    /// Put away in this save, and not changed since.
    put_away: BTreeMap<Vec<u8>, SegmentPlace>,
    is_given: bool,
}

impl Counts {
    /// To be called before a key is changed.
    fn preserve(&mut self, key: &[u8]) {
        if let Some(saving) = &mut self.saving {
            saving.put_away.remove(key);
            if saving.rest.remove(key) {
                saving.before.push((key.to_vec(), self.by_key[key].clone()));
            }
        }
    }
}

fn save(key: &[u8], count: &Count, out: &mut Vec<u8>) {
    let mut put = |bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    put(key);
    put(&count.due_ms.to_le_bytes());
    put(&count.ids.len().to_le_bytes());
    count.ids.iter().for_each(|id| put(id));
}

fn save_away(key: &[u8], away: &Away, out: &mut Vec<u8>) {
    let mut put = |bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    put(&[b"~", key].concat());
    put(&away.due_ms.to_le_bytes());
    put(&away.count.to_le_bytes());
    put(&away.place.segment.to_le_bytes());
    put(&away.place.offset.to_le_bytes());
}

fn take<'s>(saved: &mut &'s [u8]) -> Option<&'s [u8]> {
    let (length, rest) = saved.split_first_chunk()?;
    let (bytes, rest) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
    *saved = rest;
    Some(bytes)
}

fn load(mut saved: &[u8], counts: &mut Counts) -> Option<()> {
    while !saved.is_empty() {
        let key = take(&mut saved)?.to_vec();
        let due_ms = i64::from_le_bytes(take(&mut saved)?.try_into().ok()?);
        if key.first() == Some(&b'~') {
            let count = usize::from_le_bytes(take(&mut saved)?.try_into().ok()?);
            let segment = u32::from_le_bytes(take(&mut saved)?.try_into().ok()?);
            let offset = u64::from_le_bytes(take(&mut saved)?.try_into().ok()?);
            let key = key[1..].to_vec();
            counts.due.insert((due_ms, key.clone()));
            counts.away.insert(key, Away { count, due_ms, place: SegmentPlace { segment, offset } });
            continue;
        }
        let ids = usize::from_le_bytes(take(&mut saved)?.try_into().ok()?);
        let ids = (0..ids).map(|_| Some(take(&mut saved)?.to_vec())).collect::<Option<_>>()?;
        counts.due.insert((due_ms, key.clone()));
        counts.by_key.insert(key, Count { ids, due_ms });
    }
    Some(())
}

pub(crate) struct Counter {
    pub(crate) outputs: Vec<OutputTopic>,
    /// Values that begin so are refused.
    pub(crate) poison: u8,
    /// Values that begin with `?` wait until so many calls of `unblock` were made.
    pub(crate) unblocks_needed: u64,
    pub(crate) unblocks: u64,
    /// Format of saved states; none: they are not saved.
    pub(crate) state_format: Option<u64>,
}

impl Counter {
    pub(crate) fn new(outputs: Vec<OutputTopic>) -> Self {
        Self { outputs, poison: b'!', unblocks_needed: 0, unblocks: 0, state_format: Some(1) }
    }
}

impl Processor for Counter {
    type State = Counts;

    fn name(&self) -> &'static str {
        STAGE
    }

    fn outputs(&self) -> &[OutputTopic] {
        &self.outputs
    }

    fn new_state(&self, source: TopicPartition) -> Counts {
        Counts { source, ..Counts::default() }
    }

    fn advance(&self, state: &mut Counts, log_time_ms: i64, out: &mut Outputs) {
        while let Some((due_ms, key)) = state.due.first().filter(|(due_ms, _)| *due_ms <= log_time_ms).cloned() {
            state.due.pop_first();
            state.preserve(&key);
            let count = match state.away.remove(&key) {
                Some(away) => away.count,
                None => state.by_key.remove(&key).expect("a timer has a key").ids.len(),
            };
            let text = format!("closed from={} count={count}", state.source.partition);
            out.push_to(CLEAN, state.source.partition, due_ms, &key, |value| value.extend_from_slice(text.as_bytes()));
        }
    }

    fn ready(&self, record: &Record<'_>) -> Result<(), Blocked> {
        let first = record.value.expect("never asked about a heartbeat").first();
        if first == Some(&b'?') && self.unblocks < self.unblocks_needed {
            return Err(Blocked { what: "schema 7".into(), id: 7 });
        }
        Ok(())
    }

    fn process(&self, state: &mut Counts, record: &Record<'_>, moment: &Moment, out: &mut Outputs) -> Outcome {
        let (key, value) = (record.key.expect("the scene has keys"), record.value.expect("never a heartbeat"));
        if moment.judgement == Judgement::Open && value.first() == Some(&self.poison) {
            let detail = String::from_utf8_lossy(value).into_owned();
            return Outcome::Reject(Box::new(Rejection { reason: "poison", field: None, detail }));
        }
        let Some(log_time_ms) = moment.log_time_ms else { return Outcome::Drop("no log time") };
        if let Some(away) = state.away.get(key) {
            return Outcome::PutAway(away.place);
        }
        state.preserve(key);
        let count = state.by_key.entry(key.to_vec()).or_default();
        if !count.ids.insert(value.to_vec()) {
            return Outcome::Drop("duplicate");
        }
        state.due.remove(&(count.due_ms, key.to_vec()));
        count.due_ms = log_time_ms + SILENCE_MS;
        state.due.insert((count.due_ms, key.to_vec()));
        let (from, number) = (moment.source.partition, count.ids.len());
        let text = format!("from={from} number={number} time={log_time_ms} value={}", String::from_utf8_lossy(value));
        out.push_to(CLEAN, from, log_time_ms, key, |bytes| bytes.extend_from_slice(text.as_bytes()));
        let parts: [&[u8]; 2] = [&value[value.len().saturating_sub(1)..], key];
        out.push_keyed(TOTALS, log_time_ms, &parts, |bytes| bytes.extend_from_slice(text.as_bytes()));
        Outcome::Done
    }

    fn state_format(&self) -> Option<u64> {
        self.state_format
    }

    fn begin_save(&self, state: &mut Counts) {
        let away = state.away.iter().map(|(key, away)| (key.clone(), *away)).collect();
        state.saving = Some(Saving { rest: state.by_key.keys().cloned().collect(), away, ..Saving::default() });
    }

    /// One key a piece, whatever is asked for: so that records come between. Keys of an even number of values are put away.
    fn save_piece(&self, state: &mut Counts, piece: &mut SavedPiece, _: usize) -> bool {
        let Some(saving) = &mut state.saving else { return true };
        if let Some((key, count)) = saving.before.pop() {
            save(&key, &count, &mut piece.state);
        } else if let Some((key, away)) = saving.away.pop() {
            save_away(&key, &away, &mut piece.state);
        } else if let Some(key) = saving.rest.pop_first() {
            let count = &state.by_key[&key];
            if count.ids.len().is_multiple_of(2) {
                let place = piece.put_away(|out| save(&key, count, out));
                save_away(&key, &Away { count: count.ids.len(), due_ms: count.due_ms, place }, &mut piece.state);
                saving.put_away.insert(key, place);
            } else {
                save(&key, count, &mut piece.state);
            }
        }
        saving.is_given = saving.before.is_empty() && saving.rest.is_empty() && saving.away.is_empty();
        saving.is_given
    }

    fn let_go(&self, state: &mut Counts, _: usize) -> bool {
        let Some(saving) = state.saving.as_mut().filter(|saving| saving.is_given) else { return true };
        let Some((key, place)) = saving.put_away.pop_first() else {
            state.saving = None;
            return true;
        };
        let Count { ids, due_ms } = state.by_key.remove(&key).expect("what has not changed is there");
        state.away.insert(key, Away { count: ids.len(), due_ms, place });
        false
    }

    fn give_up_save(&self, state: &mut Counts) {
        state.saving = None;
    }

    fn segments(&self, state: &Counts) -> BTreeSet<u32> {
        state.away.values().map(|away| away.place.segment).collect()
    }

    fn bring_back(&self, state: &mut Counts, place: SegmentPlace, saved: &[u8]) -> Result<(), NotAState> {
        let mut back = Counts::default();
        load(saved, &mut back).ok_or_else(|| NotAState("it is cut short".into()))?;
        let (key, count) = back.by_key.pop_first().ok_or_else(|| NotAState("it holds no key".into()))?;
        let away = state.away.remove(&key).filter(|away| away.place == place);
        away.ok_or_else(|| NotAState("its key was not put away there".into()))?;
        state.by_key.insert(key, count);
        Ok(())
    }

    fn load(&self, source: TopicPartition, saved: &[u8]) -> Result<Counts, NotAState> {
        let mut counts = self.new_state(source);
        load(saved, &mut counts).ok_or_else(|| NotAState("it is cut short".into()))?;
        Ok(counts)
    }

    fn unblock(&mut self, blocked: &Blocked) -> Result<(), Unavailable> {
        self.unblocks += 1;
        if self.unblocks < self.unblocks_needed {
            return Err(Unavailable { what: blocked.what.clone(), cause: "down".into() });
        }
        Ok(())
    }
}

/// Dead letters as one line of text: stage, topic id, partition, offset, reason.
pub(crate) struct Letters;

impl DeadLetters for Letters {
    fn topic(&self) -> &'static str {
        "dead_letters"
    }

    fn partition(&self, source: TopicPartition) -> u32 {
        source.partition
    }

    fn write(&self, stage: &str, record: &Record<'_>, moment: &Moment, rejection: &Rejection, out: &mut Outputs) {
        let source = moment.source;
        let key = format!("{}-{}", source.topic, source.partition);
        let text = format!("{stage} {} {} {} {}", moment.topic_id, source.partition, record.offset, rejection.reason);
        let time_ms = moment.log_time_ms.unwrap_or_default();
        out.push_to(DEAD_LETTERS, self.partition(source), time_ms, key.as_bytes(), |value| value.extend_from_slice(text.as_bytes()));
    }

    fn refused(&self, stage: &str, letter: &Record<'_>) -> Result<Option<(TopicId, u32, i64)>, Unavailable> {
        let read = parse(letter);
        let (of, place) = read.ok_or_else(|| Unavailable { what: "a dead letter".into(), cause: "not as it was written".into() })?;
        Ok((of == stage).then_some(place))
    }
}

/// The stage, and where the refused record stood.
fn parse<'a>(letter: &Record<'a>) -> Option<(&'a str, (TopicId, u32, i64))> {
    let text = std::str::from_utf8(letter.value?).ok()?;
    let [of, id, partition, offset, _] = text.split(' ').collect::<Vec<_>>()[..] else { return None };
    let mut topic_id = TopicId::default();
    for (index, byte) in topic_id.0.iter_mut().enumerate() {
        *byte = u8::from_str_radix(id.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some((of, (topic_id, partition.parse().ok()?, offset.parse().ok()?)))
}
