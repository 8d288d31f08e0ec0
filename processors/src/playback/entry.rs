//! One event as it stands in a session's log: about 14 bytes for a heartbeat, hash included.
//!
//! Every entry is written relative to a [`Cursor`], which moves alike when the entry is written and when it is read again:
//! a flag word (type and what follows), the time since the last event, then only what cannot be predicted.

use pipeline::NotAState;
use schemas::{EventType, PlaybackEvent};

use crate::saved::{self, Writer};

use super::packed_id::{self, Id, PackedId};
use super::varint::{self, Reader};

/// Ranks events in the fold's order as far as that is needed between folds: (effective time, sequence); a missing sequence comes first.
pub(crate) type Rank = (i64, i64);

/// The sequence in a [`Rank`] where there is none.
pub(crate) const NO_SEQUENCE: i64 = i64::MIN;
const NO_NUMBER: u32 = u32::MAX;

/// What the next entry is written relative to, and what is known of the session between folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Rank of the last event in the fold's order.
    pub(crate) last: Rank,
    /// Rank of the last known position.
    pub(crate) position_rank: Rank,
    position_ms: u32,
    runtime_ms: u32,
    bitrate_bps: u32,
    rate_thousandths: u16,
    /// Where in the log the newest device block and content delivery network stand; 0: none yet.
    device_at: u32,
    cdn_at: u32,
}

impl Default for Cursor {
    fn default() -> Self {
        let before_all = (i64::MIN, NO_SEQUENCE);
        Self {
            last: before_all,
            position_rank: before_all,
            position_ms: NO_NUMBER,
            runtime_ms: NO_NUMBER,
            bitrate_bps: 0,
            rate_thousandths: 0,
            device_at: 0,
            cdn_at: 0,
        }
    }
}

impl Cursor {
    /// Last known position in the fold's order, milliseconds.
    pub(crate) fn position_ms(&self) -> Option<i64> {
        known(self.position_ms)
    }

    /// Newest runtime, milliseconds.
    pub(crate) fn runtime_ms(&self) -> Option<i64> {
        known(self.runtime_ms)
    }

    /// Where the newest device block stands.
    pub(crate) fn device_at(&self) -> Option<usize> {
        (self.device_at > 0).then_some(self.device_at as usize)
    }

    pub(crate) fn save(&self, out: &mut Writer<'_>) {
        for (time_us, sequence) in [self.last, self.position_rank] {
            out.i64(time_us);
            out.i64(sequence);
        }
        [self.position_ms, self.runtime_ms, self.bitrate_bps, self.rate_thousandths.into(), self.device_at, self.cdn_at]
            .into_iter()
            .for_each(|number| out.u32(number));
    }

    pub(crate) fn load(saved: &mut saved::Reader<'_>) -> Result<Self, NotAState> {
        Ok(Self {
            last: (saved.i64()?, saved.i64()?),
            position_rank: (saved.i64()?, saved.i64()?),
            position_ms: saved.u32()?,
            runtime_ms: saved.u32()?,
            bitrate_bps: saved.u32()?,
            rate_thousandths: saved.u32()? as u16,
            device_at: saved.u32()?,
            cdn_at: saved.u32()?,
        })
    }

    /// Where playback would be at `time_us`, had it gone on since the last known position.
    fn expected_position_ms(&self, time_us: i64) -> i64 {
        if self.position_ms == NO_NUMBER {
            return 0;
        }
        i64::from(self.position_ms).wrapping_add(time_us.wrapping_sub(self.position_rank.0) / 1000)
    }

    fn time_base_us(&self) -> i64 {
        if self.last.0 == i64::MIN { 0 } else { self.last.0 }
    }

    fn sequence_base(&self) -> i64 {
        if self.last.1 == NO_SEQUENCE { -1 } else { self.last.1 }
    }

    /// Moves past an event.
    fn advance(&mut self, kind: EventType, rank: Rank, position_ms: Option<u32>) {
        if let Some(position_ms) = position_ms
            && kind != EventType::SeekStart
            && rank >= self.position_rank
        {
            self.position_rank = rank;
            self.position_ms = position_ms;
        }
        self.last = self.last.max(rank);
    }
}

fn known(value: u32) -> Option<i64> {
    (value != NO_NUMBER).then_some(i64::from(value))
}

/// Positions, runtimes and bitrates are far below 32 bits by validation; what is not is held at the largest that fits.
fn number(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(NO_NUMBER).min(NO_NUMBER - 1)
}

/// Device and app as one event named them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Device<'a> {
    pub(crate) device_id: Id<'a>,
    pub(crate) device_type: Option<&'a str>,
    pub(crate) country: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) player: Option<&'a str>,
    pub(crate) app_version: Option<&'a str>,
}

/// The texts of a device block behind the device's id, in its order.
fn device_texts<'a>(event: &PlaybackEvent<'a>) -> [Option<&'a str>; 5] {
    [event.device_type, event.country, event.region, event.player, event.app_version]
}

/// Whether an event names anything of a device.
pub(crate) fn names_device(event: &PlaybackEvent<'_>) -> bool {
    event.device_id.is_some() || device_texts(event).iter().any(Option::is_some)
}

fn write_device(event: &PlaybackEvent<'_>, out: &mut Vec<u8>) {
    packed_id::put(out, event.device_id.map(str::as_bytes));
    device_texts(event).into_iter().for_each(|text| varint::put_text(out, text));
}

/// Whether the network's name stands at `at`; 0 is none.
fn cdn_stands_at(cdn: &str, log: &[u8], at: u32) -> bool {
    at > 0 && Reader::new(log, at as usize).take_text_bytes() == Some(cdn.as_bytes())
}

/// Whether the block at `at` is what the event names.
fn device_stands_at(event: &PlaybackEvent<'_>, log: &[u8], at: usize) -> bool {
    let mut reader = Reader::new(log, at);
    PackedId::take(&mut reader).is(event.device_id.map(str::as_bytes))
        && device_texts(event).into_iter().all(|text| reader.take_text_bytes() == text.map(str::as_bytes))
}

fn skip_device(reader: &mut Reader<'_>) {
    PackedId::take(reader);
    (0..5).for_each(|_| _ = reader.take_text_bytes());
}

impl<'a> Device<'a> {
    /// Reads the block at `at`.
    pub(crate) fn read(bytes: &'a [u8], at: usize) -> Self {
        let mut reader = Reader::new(bytes, at);
        Self {
            device_id: PackedId::take(&mut reader).unpack(),
            device_type: reader.take_text(),
            country: reader.take_text(),
            region: reader.take_text(),
            player: reader.take_text(),
            app_version: reader.take_text(),
        }
    }

    /// Reads of the block at `at` the device's id and type alone.
    pub(crate) fn read_id_and_type(bytes: &'a [u8], at: usize) -> (Id<'a>, Option<&'a str>) {
        let mut reader = Reader::new(bytes, at);
        (PackedId::take(&mut reader).unpack(), reader.take_text())
    }
}

// The flag word: five bits of type, then what follows.
const KIND_BITS: u16 = 0x1f;
const HAS_POSITION: u16 = 1 << 5;
const SEQUENCE_FOLLOWS_ON: u16 = 1 << 6;
const HAS_SEQUENCE: u16 = 1 << 7;
const SAME_CDN: u16 = 1 << 8;
const SAME_DEVICE: u16 = 1 << 9;
const SAME_BITRATE: u16 = 1 << 10;
const SAME_RUNTIME: u16 = 1 << 11;
const SAME_RATE: u16 = 1 << 12;
const EARLIER: u16 = 1 << 13;
const WHOLE_MILLISECONDS: u16 = 1 << 14;
const HAS_MORE: u16 = 1 << 15;
// The byte of what is rare.
const HAS_DURATION: u8 = 1;
const NEW_BITRATE: u8 = 1 << 1;
const NEW_RATE: u8 = 1 << 2;
const HAS_ERROR_CODE: u8 = 1 << 3;
const IS_FATAL: u8 = 1 << 4;
const NEW_TEXTS: u8 = 1 << 5;
const NEW_RUNTIME: u8 = 1 << 6;
const DISAGREES: u8 = 1 << 7;

/// An event, and when it happened.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'e, 'a> {
    pub(crate) event: &'e PlaybackEvent<'a>,
    pub(crate) effective_time_us: i64,
}

/// How what an event says of viewer, title, device and network relates to what its row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// It is what the event before said, which did not contradict the row.
    Repeats,
    /// It does not contradict the row.
    Agrees,
    /// It contradicts what the row's first event fixed.
    Disagrees,
}

impl Incoming<'_, '_> {
    pub(crate) fn rank(&self) -> Rank {
        (self.effective_time_us, self.event.sequence.unwrap_or(NO_SEQUENCE))
    }
}

/// Rate in thousandths, as the fold reckons; none where it is unknown or 0.
pub(crate) fn rate_thousandths(rate: Option<f32>) -> Option<u16> {
    let rate = rate?;
    if rate == 1.0 {
        return Some(1000);
    }
    let thousandths = (rate * 1000.0).round();
    (thousandths >= 1.0).then_some(thousandths.min(f32::from(u16::MAX)) as u16)
}

fn bitrate(event: &PlaybackEvent<'_>) -> Option<u32> {
    event.bitrate_bps.map(number)
}

/// Writes an entry for a log that is now `log`, into the empty `out`, and moves the cursor past it.
pub(crate) fn write(cursor: &mut Cursor, incoming: &Incoming<'_, '_>, agreement: Agreement, log: &[u8], out: &mut Vec<u8>) {
    let event = incoming.event;
    let repeats = agreement == Agreement::Repeats;
    let mut flags = event.kind as u16;
    let mut more = 0u8;
    out.extend_from_slice(&[0, 0]);

    let sequence_delta = event.sequence.map(|sequence| sequence.wrapping_sub(cursor.sequence_base()));
    match sequence_delta {
        None => {}
        Some(1) => flags |= SEQUENCE_FOLLOWS_ON,
        Some(_) => flags |= HAS_SEQUENCE,
    }
    let delta_us = incoming.effective_time_us.wrapping_sub(cursor.time_base_us());
    let is_whole = delta_us % 1000 == 0;
    flags |= if delta_us < 0 { EARLIER } else { 0 } | if is_whole { WHOLE_MILLISECONDS } else { 0 };
    let position_ms = event.position_ms.map(number);
    let position_delta =
        position_ms.map(|position_ms| i64::from(position_ms).wrapping_sub(cursor.expected_position_ms(incoming.effective_time_us)));
    flags |= if position_delta.is_some() { HAS_POSITION } else { 0 };

    let new_bitrate = changed(bitrate(event), cursor.bitrate_bps, &mut flags, SAME_BITRATE, &mut more, NEW_BITRATE);
    let new_rate = changed(rate_thousandths(event.playback_rate), cursor.rate_thousandths, &mut flags, SAME_RATE, &mut more, NEW_RATE);
    let new_runtime = changed(event.runtime_ms.map(number), cursor.runtime_ms, &mut flags, SAME_RUNTIME, &mut more, NEW_RUNTIME);

    let new_cdn = event.cdn.filter(|cdn| !repeats && !cdn_stands_at(cdn, log, cursor.cdn_at));
    flags |= if event.cdn.is_some() && new_cdn.is_none() { SAME_CDN } else { 0 };
    let is_known_device = if repeats { names_device(event) } else { cursor.device_at().is_some_and(|at| device_stands_at(event, log, at)) };
    let is_new_device = !is_known_device && names_device(event);
    flags |= if is_known_device { SAME_DEVICE } else { 0 };

    more |= if event.duration_ms.is_some() { HAS_DURATION } else { 0 }
        | if event.error_code.is_some() { HAS_ERROR_CODE } else { 0 }
        | if event.error_fatal == Some(true) { IS_FATAL } else { 0 }
        | if new_cdn.is_some() || is_new_device { NEW_TEXTS } else { 0 }
        | if agreement == Agreement::Disagrees { DISAGREES } else { 0 };
    flags |= if more != 0 { HAS_MORE } else { 0 };
    out[..2].copy_from_slice(&flags.to_le_bytes());
    if more != 0 {
        out.push(more);
    }

    varint::put(out, if is_whole { delta_us.unsigned_abs() / 1000 } else { delta_us.unsigned_abs() });
    if flags & HAS_SEQUENCE != 0 {
        varint::put_signed(out, sequence_delta.unwrap_or_default());
    }
    if let Some(delta) = position_delta {
        varint::put_signed(out, delta);
    }
    if let Some(duration_ms) = event.duration_ms {
        varint::put_signed(out, duration_ms);
    }
    if let Some(bps) = new_bitrate {
        varint::put(out, u64::from(bps));
        cursor.bitrate_bps = bps;
    }
    if let Some(thousandths) = new_rate {
        varint::put(out, u64::from(thousandths));
        cursor.rate_thousandths = thousandths;
    }
    if let Some(runtime_ms) = new_runtime {
        varint::put(out, u64::from(runtime_ms));
        cursor.runtime_ms = runtime_ms;
    }
    if event.error_code.is_some() {
        varint::put_text(out, event.error_code);
    }
    if more & NEW_TEXTS != 0 {
        write_texts(cursor, new_cdn, is_new_device.then_some(event), log.len(), out);
    }
    cursor.advance(event.kind, incoming.rank(), position_ms);
}

/// What differs from the value last given goes into the entry; what equals it costs one bit.
fn changed<T: Copy + PartialEq>(value: Option<T>, last: T, flags: &mut u16, same: u16, more: &mut u8, new: u8) -> Option<T> {
    match value {
        None => None,
        Some(value) if value == last => {
            *flags |= same;
            None
        }
        Some(value) => {
            *more |= new;
            Some(value)
        }
    }
}

/// `device` is the event where it names a new one.
fn write_texts(cursor: &mut Cursor, cdn: Option<&str>, device: Option<&PlaybackEvent<'_>>, log_length: usize, out: &mut Vec<u8>) {
    let place = |out: &Vec<u8>| u32::try_from(log_length + out.len()).unwrap_or(u32::MAX);
    out.push(u8::from(cdn.is_some()) | u8::from(device.is_some()) << 1);
    if cdn.is_some() {
        cursor.cdn_at = place(out);
        varint::put_text(out, cdn);
    }
    if let Some(event) = device {
        cursor.device_at = place(out);
        write_device(event, out);
    }
}

/// An entry as it is read again. Texts are given as places in the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) kind: EventType,
    pub(crate) effective_time_us: i64,
    pub(crate) sequence: Option<i64>,
    pub(crate) position_ms: Option<u32>,
    pub(crate) duration_ms: Option<i64>,
    pub(crate) runtime_ms: Option<u32>,
    pub(crate) bitrate_bps: Option<u32>,
    pub(crate) rate_thousandths: Option<u16>,
    pub(crate) error_code_at: Option<usize>,
    pub(crate) error_fatal: bool,
    pub(crate) cdn_at: Option<usize>,
    pub(crate) device_at: Option<usize>,
    pub(crate) disagrees: bool,
}

impl Entry {
    pub(crate) fn rank(&self) -> Rank {
        (self.effective_time_us, self.sequence.unwrap_or(NO_SEQUENCE))
    }
}

/// Reads the next entry and moves the cursor past it.
pub(crate) fn read(cursor: &mut Cursor, reader: &mut Reader<'_>) -> Entry {
    let flags = u16::from_le_bytes([reader.byte(), reader.byte()]);
    let more = if flags & HAS_MORE != 0 { reader.byte() } else { 0 };
    let has = |bit: u16| flags & bit != 0;
    let has_more = |bit: u8| more & bit != 0;
    let kind = EventType::ALL.get(usize::from(flags & KIND_BITS)).copied().unwrap_or(EventType::Unknown);

    let magnitude = reader.take() as i64;
    let magnitude_us = if has(WHOLE_MILLISECONDS) { magnitude.wrapping_mul(1000) } else { magnitude };
    let delta_us = if has(EARLIER) { magnitude_us.wrapping_neg() } else { magnitude_us };
    let effective_time_us = cursor.time_base_us().wrapping_add(delta_us);
    let sequence = if has(SEQUENCE_FOLLOWS_ON) {
        Some(cursor.sequence_base().wrapping_add(1))
    } else if has(HAS_SEQUENCE) {
        Some(cursor.sequence_base().wrapping_add(reader.take_signed()))
    } else {
        None
    };
    let position_ms = has(HAS_POSITION).then(|| cursor.expected_position_ms(effective_time_us).wrapping_add(reader.take_signed()) as u32);
    let duration_ms = has_more(HAS_DURATION).then(|| reader.take_signed());
    if has_more(NEW_BITRATE) {
        cursor.bitrate_bps = reader.take() as u32;
    }
    if has_more(NEW_RATE) {
        cursor.rate_thousandths = reader.take() as u16;
    }
    if has_more(NEW_RUNTIME) {
        cursor.runtime_ms = reader.take() as u32;
    }
    let error_code_at = has_more(HAS_ERROR_CODE).then(|| skip_text(reader));
    let mut cdn_at = has(SAME_CDN).then_some(cursor.cdn_at as usize);
    let mut device_at = has(SAME_DEVICE).then_some(cursor.device_at as usize);
    if has_more(NEW_TEXTS) {
        let which = reader.byte();
        if which & 1 != 0 {
            let at = skip_text(reader);
            cursor.cdn_at = at as u32;
            cdn_at = Some(at);
        }
        if which & 2 != 0 {
            let at = reader.at();
            cursor.device_at = at as u32;
            device_at = Some(at);
            skip_device(reader);
        }
    }
    let entry = Entry {
        kind,
        effective_time_us,
        sequence,
        position_ms,
        duration_ms,
        runtime_ms: (has(SAME_RUNTIME) || has_more(NEW_RUNTIME)).then_some(cursor.runtime_ms),
        bitrate_bps: (has(SAME_BITRATE) || has_more(NEW_BITRATE)).then_some(cursor.bitrate_bps),
        rate_thousandths: (has(SAME_RATE) || has_more(NEW_RATE)).then_some(cursor.rate_thousandths),
        error_code_at,
        error_fatal: has_more(IS_FATAL),
        cdn_at,
        device_at,
        disagrees: has_more(DISAGREES),
    };
    cursor.advance(kind, entry.rank(), position_ms);
    entry
}

fn skip_text(reader: &mut Reader<'_>) -> usize {
    let at = reader.at();
    _ = reader.take_text_bytes();
    at
}
