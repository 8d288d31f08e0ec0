//! What the event that opens a row fixes: who watches what. It stands at the front of the row's log.

use schemas::PlaybackEvent;

use super::packed_id::{self, Id, PackedId};
use super::varint::{self, Reader};

/// Where the session id stands in the header: after the byte of flags.
const SESSION_ID_AT: usize = 1;
const IS_PREVIEW: u8 = 1;
const HAS_SHIFT: u8 = 1 << 1;

/// Fixed by the opening event; an event that says otherwise disagrees.
pub(crate) struct Identity<'a> {
    session_id: Id<'a>,
    profile_id: Id<'a>,
    account_id: Id<'a>,
    title_id: Id<'a>,
    episode_id: Id<'a>,
    pub(crate) preview: bool,
}

/// The session id as far as a row keeps it. One that is too long to be valid is cut to its first bytes; such events are refused before
/// they come here.
pub(crate) fn kept_session_id(session_id: &str) -> &[u8] {
    &session_id.as_bytes()[..session_id.len().min(schemas::limits::SESSION_ID_BYTES)]
}

/// Appends the header of a row that `event` opens. `shift_us` is added to the client's clock.
pub(crate) fn write(event: &PlaybackEvent<'_>, shift_us: i64, out: &mut Vec<u8>) {
    let is_preview = event.preview == Some(true);
    out.push(if is_preview { IS_PREVIEW } else { 0 } | if shift_us != 0 { HAS_SHIFT } else { 0 });
    packed_id::put(out, Some(kept_session_id(event.session_id)));
    said_by(event).into_iter().for_each(|id| packed_id::put(out, id));
    if shift_us != 0 {
        varint::put_signed(out, shift_us);
    }
}

/// What is fixed besides the session id, in the header's order.
fn said_by<'a>(event: &PlaybackEvent<'a>) -> [Option<&'a [u8]>; 4] {
    let bytes = |id: Option<&'a str>| id.map(str::as_bytes);
    [bytes(event.profile_id), bytes(event.account_id), bytes(Some(event.title_id)), bytes(event.episode_id)]
}

/// Whether the header is that of this session, its id as [`kept_session_id`] gives it.
#[inline]
pub(crate) fn is_of(header: &[u8], session_id: &[u8]) -> bool {
    PackedId::take(&mut Reader::new(header, SESSION_ID_AT)).is(Some(session_id))
}

/// Whether an event says otherwise than the header. What it does not say, it does not contradict.
pub(crate) fn is_contradicted_by(header: &[u8], event: &PlaybackEvent<'_>) -> bool {
    let mut reader = past_session_id(header);
    let ids_differ = said_by(event).into_iter().any(|said| {
        let fixed = PackedId::take(&mut reader);
        said.is_some() && !fixed.is(said)
    });
    ids_differ || event.preview.is_some_and(|preview| preview != (header[0] & IS_PREVIEW != 0))
}

/// What is added to the client's clock, microseconds.
pub(crate) fn shift_us(header: &[u8]) -> i64 {
    if header[0] & HAS_SHIFT == 0 {
        return 0;
    }
    past_ids(header).take_signed()
}

/// Where the entries begin.
pub(crate) fn end(header: &[u8]) -> usize {
    let mut reader = past_ids(header);
    if header[0] & HAS_SHIFT != 0 {
        reader.take_signed();
    }
    reader.at()
}

/// The session id alone.
pub(crate) fn session_id(header: &[u8]) -> Id<'_> {
    PackedId::take(&mut Reader::new(header, SESSION_ID_AT)).unpack()
}

fn past_session_id(header: &[u8]) -> Reader<'_> {
    let mut reader = Reader::new(header, SESSION_ID_AT);
    PackedId::take(&mut reader);
    reader
}

fn past_ids(header: &[u8]) -> Reader<'_> {
    let mut reader = past_session_id(header);
    (0..4).for_each(|_| _ = PackedId::take(&mut reader));
    reader
}

impl<'a> Identity<'a> {
    /// Reads a header. What an event that agrees with it says is taken from there: it need not be unpacked.
    pub(crate) fn read(header: &'a [u8], agreeing: Option<&'a PlaybackEvent<'a>>) -> Self {
        let mut reader = Reader::new(header, SESSION_ID_AT);
        let mut next = |said: Option<&'a str>| {
            let fixed = PackedId::take(&mut reader);
            said.map_or_else(|| fixed.unpack(), Id::Text)
        };
        Self {
            session_id: next(agreeing.map(|event| event.session_id)),
            profile_id: next(agreeing.and_then(|event| event.profile_id)),
            account_id: next(agreeing.and_then(|event| event.account_id)),
            title_id: next(agreeing.map(|event| event.title_id)),
            episode_id: next(agreeing.and_then(|event| event.episode_id)),
            preview: header[0] & IS_PREVIEW != 0,
        }
    }

    pub(crate) fn session_id(&self) -> &str {
        self.session_id.as_str().unwrap_or_default()
    }

    /// The session id as a record's key.
    pub(crate) fn session_key(&self) -> &[u8] {
        self.session_id.as_bytes().unwrap_or_default()
    }

    pub(crate) fn profile_id(&self) -> Option<&str> {
        self.profile_id.as_str()
    }

    pub(crate) fn account_id(&self) -> Option<&str> {
        self.account_id.as_str()
    }

    pub(crate) fn title_id(&self) -> &str {
        self.title_id.as_str().unwrap_or_default()
    }

    pub(crate) fn episode_id(&self) -> Option<&str> {
        self.episode_id.as_str()
    }
}
