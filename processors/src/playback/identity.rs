//! What the event that opens a row fixes: who watches what. It stands at the front of the row's log.

use schemas::PlaybackEvent;

use super::session_id::{PackedId, SessionId};
use super::varint::{self, Reader};

/// Where the packed session id stands in the header: after the byte of flags.
const SESSION_ID_AT: usize = 1;
const IS_PREVIEW: u8 = 1;
const HAS_SHIFT: u8 = 1 << 1;

/// Fixed by the opening event; an event that says otherwise disagrees.
pub(crate) struct Identity<'a> {
    session_id: SessionId,
    pub(crate) profile_id: Option<&'a str>,
    pub(crate) account_id: Option<&'a str>,
    pub(crate) title_id: &'a str,
    pub(crate) episode_id: Option<&'a str>,
    pub(crate) preview: bool,
}

/// Appends the header of a row that `event` opens. `shift_us` is added to the client's clock.
pub(crate) fn write(event: &PlaybackEvent<'_>, shift_us: i64, out: &mut Vec<u8>) {
    let is_preview = event.preview == Some(true);
    out.push(if is_preview { IS_PREVIEW } else { 0 } | if shift_us != 0 { HAS_SHIFT } else { 0 });
    out.extend_from_slice(PackedId::of(event.session_id).as_bytes());
    varint::put_text(out, event.profile_id);
    varint::put_text(out, event.account_id);
    varint::put_text(out, Some(event.title_id));
    varint::put_text(out, event.episode_id);
    if shift_us != 0 {
        varint::put_signed(out, shift_us);
    }
}

/// Whether the header is that of this session.
#[inline]
pub(crate) fn is_of(header: &[u8], session_id: &PackedId) -> bool {
    header.get(SESSION_ID_AT..).is_some_and(|rest| rest.starts_with(session_id.as_bytes()))
}

/// Whether an event says otherwise than the header. What it does not say, it does not contradict.
pub(crate) fn is_contradicted_by(header: &[u8], event: &PlaybackEvent<'_>) -> bool {
    let mut reader = past_session_id(header);
    let mut differs = |said: Option<&str>| {
        let fixed = reader.take_text_bytes();
        said.is_some_and(|said| Some(said.as_bytes()) != fixed)
    };
    let texts_differ =
        differs(event.profile_id) | differs(event.account_id) | differs(Some(event.title_id)) | differs(event.episode_id);
    texts_differ || event.preview.is_some_and(|preview| preview != (header[0] & IS_PREVIEW != 0))
}

/// What is added to the client's clock, microseconds.
pub(crate) fn shift_us(header: &[u8]) -> i64 {
    if header[0] & HAS_SHIFT == 0 {
        return 0;
    }
    let mut reader = past_session_id(header);
    (0..4).for_each(|_| _ = reader.take_text_bytes());
    reader.take_signed()
}

/// Where the entries begin.
pub(crate) fn end(header: &[u8]) -> usize {
    let mut reader = past_session_id(header);
    (0..4).for_each(|_| _ = reader.take_text_bytes());
    if header[0] & HAS_SHIFT != 0 {
        reader.take_signed();
    }
    reader.at()
}

/// The session id alone.
pub(crate) fn session_id(header: &[u8]) -> SessionId {
    SessionId::read(&mut Reader::new(header, SESSION_ID_AT))
}

fn past_session_id(header: &[u8]) -> Reader<'_> {
    let mut reader = Reader::new(header, SESSION_ID_AT);
    SessionId::skip(&mut reader);
    reader
}

impl<'a> Identity<'a> {
    /// Reads a header.
    pub(crate) fn read(header: &'a [u8]) -> Self {
        let mut reader = Reader::new(header, SESSION_ID_AT);
        Self {
            session_id: SessionId::read(&mut reader),
            profile_id: reader.take_text(),
            account_id: reader.take_text(),
            title_id: reader.take_text().unwrap_or_default(),
            episode_id: reader.take_text(),
            preview: header[0] & IS_PREVIEW != 0,
        }
    }

    pub(crate) fn session_id(&self) -> &str {
        self.session_id.as_str()
    }
}
