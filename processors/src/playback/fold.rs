//! From a session's log to its summary: decode, sort, fold. Buffers are kept from fold to fold.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::qos::{self, Closing, EndTracker, Summary};

use super::entry::{self, Cursor, Device, Entry, Rank};
use super::event_log::EventLog;
use super::identity;
use super::varint::Reader;

/// Buffers for appending and folding; one for each partition.
#[derive(Default)]
pub(crate) struct Workspace {
    /// The entry that is being written.
    pub(crate) entry: Vec<u8>,
    events: Vec<qos::Event>,
    texts: Texts,
    fold: qos::Workspace,
}

/// A row's figures, and the texts that they name.
pub(crate) struct Folded<'l> {
    pub(crate) summary: Summary,
    pub(crate) last_position_ms: Option<i64>,
    pub(crate) last_position_sequence: Option<i64>,
    pub(crate) last_position_at_us: i64,
    pub(crate) runtime_ms: Option<i64>,
    /// Each field: the first that is known, in the fold's order.
    pub(crate) device: Device<'l>,
    pub(crate) cdn: Option<&'l str>,
    pub(crate) first_error_code: Option<&'l str>,
}

/// Place in the fold's own order: ties are told apart by hash.
type Order = (Rank, u64);

/// What the log says besides what the fold looks at.
#[derive(Default)]
struct Aside {
    /// The last event so far.
    last: Option<Order>,
    runtime: Option<(Order, i64)>,
    /// The last position, and its event's sequence.
    position: Option<(Order, i64, Option<i64>)>,
    /// Device blocks, each with the first event that names it.
    devices: Vec<(usize, Order)>,
}

impl Workspace {
    /// Folds the events of a row.
    pub(crate) fn fold<'l>(&mut self, log: &'l EventLog, closing: Closing) -> Folded<'l> {
        let aside = self.decode(log);
        qos::sort(&mut self.events);
        let summary = qos::fold(&self.events, closing, &mut self.fold);
        let bytes = log.bytes();
        let text = |at: Option<usize>| at.and_then(|at| Reader::new(bytes, at).take_text());
        Folded {
            last_position_ms: aside.position.map(|(_, position_ms, _)| position_ms),
            last_position_sequence: aside.position.and_then(|(_, _, sequence)| sequence),
            last_position_at_us: aside.position.map_or(0, |(((at_us, _), _), _, _)| at_us),
            runtime_ms: aside.runtime.map(|(_, runtime_ms)| runtime_ms),
            device: first_known(bytes, aside.devices),
            cdn: text(summary.cdn.map(|number| self.texts.place(number))),
            first_error_code: text(summary.first_error_code.map(|number| self.texts.place(number))),
            summary,
        }
    }

    /// Follows the ends of a set whose events did not come in order.
    pub(crate) fn track_end(&mut self, log: &EventLog) -> EndTracker {
        self.decode(log);
        qos::sort(&mut self.events);
        let mut end = EndTracker::default();
        for event in &self.events {
            end.observe(event);
        }
        end
    }

    fn decode(&mut self, log: &EventLog) -> Aside {
        self.events.clear();
        self.texts.clear();
        let mut aside = Aside::default();
        let bytes = log.bytes();
        let mut reader = Reader::new(bytes, identity::end(bytes));
        let mut cursor = Cursor::default();
        for index in 0..log.count() {
            let entry = entry::read(&mut cursor, &mut reader);
            let hash = log.hash(index);
            aside.note(&entry, hash);
            let cdn = entry.cdn_at.map_or(0, |at| self.texts.number(bytes, at));
            let error_code = entry.error_code_at.map_or(0, |at| self.texts.number(bytes, at));
            self.events.push(fold_event(&entry, hash, cdn, error_code));
        }
        aside
    }
}

fn fold_event(entry: &Entry, hash: u64, cdn: u16, error_code: u16) -> qos::Event {
    qos::Event::new(entry.effective_time_us, hash, entry.kind)
        .with_sequence(entry.sequence)
        .with_position_ms(entry.position_ms.map(i64::from))
        .with_duration_ms(entry.duration_ms)
        .with_bitrate_bps(entry.bitrate_bps.map(i64::from))
        .with_rate_thousandths(entry.rate_thousandths.map(u32::from))
        .with_error(entry.error_fatal, error_code)
        .with_cdn(cdn)
        .with_disagrees(entry.disagrees)
}

impl Aside {
    fn note(&mut self, entry: &Entry, hash: u64) {
        let order = (entry.rank(), hash);
        // Nearly every event is: then it need not be compared with what each figure came from.
        let is_last = self.last.is_none_or(|last| order >= last);
        if is_last {
            self.last = Some(order);
        }
        if let Some(runtime_ms) = entry.runtime_ms
            && (is_last || self.runtime.is_none_or(|(before, _)| order >= before))
        {
            self.runtime = Some((order, i64::from(runtime_ms)));
        }
        if let Some(position_ms) = entry.position_ms
            && entry.kind != schemas::EventType::SeekStart
            && (is_last || self.position.is_none_or(|(before, _, _)| order >= before))
        {
            self.position = Some((order, i64::from(position_ms), entry.sequence));
        }
        if let Some(at) = entry.device_at {
            // "The same device" always means the block that came last.
            match self.devices.last_mut() {
                Some((place, first)) if *place == at => {
                    if !is_last {
                        *first = order.min(*first);
                    }
                }
                _ => self.devices.push((at, order)),
            }
        }
    }
}

fn first_known(bytes: &[u8], mut blocks: Vec<(usize, Order)>) -> Device<'_> {
    blocks.sort_unstable_by_key(|&(_, first)| first);
    let mut known = Device::default();
    for (at, _) in blocks {
        let device = Device::read(bytes, at);
        known.device_id = known.device_id.or(device.device_id);
        known.device_type = known.device_type.or(device.device_type);
        known.country = known.country.or(device.country);
        known.region = known.region.or(device.region);
        known.player = known.player.or(device.player);
        known.app_version = known.app_version.or(device.app_version);
    }
    known
}

/// Numbers the texts of a log from 1, equal texts alike, so that the fold compares numbers.
#[derive(Default)]
struct Texts {
    places: Vec<usize>,
    by_hash: HashTable<(u64, u16)>,
    /// The place asked for last, which is mostly the next one too.
    newest: (usize, u16),
}

impl Texts {
    fn clear(&mut self) {
        self.places.clear();
        self.by_hash.clear();
        self.newest = (0, 0);
    }

    fn number(&mut self, bytes: &[u8], at: usize) -> u16 {
        if self.newest.0 == at && self.newest.1 != 0 {
            return self.newest.1;
        }
        let text = Reader::new(bytes, at).take_text_bytes();
        let hash = xxh3_64(text.unwrap_or_default());
        let is_same = |&(other, number): &(u64, u16)| {
            other == hash && Reader::new(bytes, self.places[usize::from(number) - 1]).take_text_bytes() == text
        };
        let number = match self.by_hash.find(hash, is_same) {
            Some(&(_, number)) => number,
            None => {
                self.places.push(at);
                let number = u16::try_from(self.places.len()).expect("two texts an event at most, and at most 20,000 events");
                self.by_hash.insert_unique(hash, (hash, number), |&(hash, _)| hash);
                number
            }
        };
        self.newest = (at, number);
        number
    }

    fn place(&self, number: u16) -> usize {
        self.places[usize::from(number) - 1]
    }
}
