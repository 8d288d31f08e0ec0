//! The answer to a request, from the thread that makes it to the connection. Nothing is sent before it is known whether a second piece comes: what
//! fits in one goes out with its length and its figures.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::{fmt, io};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::running::Guard;
use crate::compression::blocks;
use crate::compression::encoding::{Encoder, Encoding};
use crate::exception::Exception;
use crate::raw::Counts;

/// Pieces of an answer that wait for the client.
const WAITING_PIECES: usize = 4;

/// What is held back of one answer: for `wait_end_of_query`, or as it can't be streamed.
const MAX_HELD_BYTES: usize = 512 << 20;

/// What every answer may hold without asking.
const FREE_BYTES: usize = 1 << 20;

pub(crate) type Header = (HeaderName, HeaderValue);

/// Status, header and body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<Header>,
    pub(crate) body: ReplyBody,
}

/// A body that is there, or one that comes.
pub(crate) enum ReplyBody {
    Whole(Option<Bytes>),
    Pieces {
        pieces: mpsc::Receiver<ReplyPiece>,
        /// Whether the connection was flushed before it is broken off.
        was_flushed: bool,
        /// Until the last piece was taken.
        guard: Option<Guard>,
    },
}

/// A piece of an answer under way.
pub(crate) enum ReplyPiece {
    Data(Bytes),
    /// It is complete. Without this, it is broken off.
    End,
}

/// The answer was broken off: the connection is closed, and the client knows by it.
#[derive(Debug)]
pub(crate) struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer was broken off by an exception")
    }
}

impl std::error::Error for BrokenOff {}

impl From<Infallible> for BrokenOff {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl ReplyBody {
    pub(crate) fn text(text: impl Into<Bytes>) -> Self {
        Self::Whole(Some(text.into()))
    }

    /// Whoever drops the body before its end has the query cancelled. Of a whole one the query is done.
    pub(crate) fn watch(&mut self, watching: Guard) {
        match self {
            Self::Whole(_) => watching.disarm(),
            Self::Pieces { guard, .. } => *guard = Some(watching),
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut *self {
            Self::Whole(body) => Poll::Ready(body.take().filter(|body| !body.is_empty()).map(|body| Ok(Frame::data(body)))),
            Self::Pieces { pieces, was_flushed, guard } => match pieces.poll_recv(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(ReplyPiece::Data(data))) => Poll::Ready(Some(Ok(Frame::data(data)))),
                Poll::Ready(Some(ReplyPiece::End)) => {
                    if let Some(guard) = guard.take() {
                        guard.disarm();
                    }
                    Poll::Ready(None)
                }
                // The exception that was written just now is to reach the client: an error at once would throw it away with the connection's buffer.
                Poll::Ready(None) if !*was_flushed => {
                    *was_flushed = true;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Ready(None) => Poll::Ready(Some(Err(BrokenOff))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, Bytes::len) as u64),
            Self::Pieces { .. } => SizeHint::default(),
        }
    }
}

/// The client has gone: nobody is left to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// How an answer goes out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Style {
    pub(crate) in_blocks: bool,
    pub(crate) encoding: Option<Encoding>,
    pub(crate) wait_for_end: bool,
    pub(crate) version: String,
    /// Sixteen letters that mark an exception in the middle of an answer.
    pub(crate) tag: String,
}

/// Where a thread puts its answer.
pub(crate) struct Replier {
    style: Style,
    head: Option<oneshot::Sender<Reply>>,
    headers: Vec<Header>,
    pieces: Option<mpsc::Sender<ReplyPiece>>,
    encoder: Option<Encoder>,
    held: Vec<Bytes>,
    held_bytes: usize,
    /// What all answers may hold together, and what this one has of it.
    budget: Arc<Semaphore>,
    reserved: Option<OwnedSemaphorePermit>,
}

/// Bytes and what they take of the budget, until they are sent.
struct Held(Bytes, #[expect(dead_code, reason = "given back when it is dropped")] OwnedSemaphorePermit);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Replier {
    pub(crate) fn new(head: oneshot::Sender<Reply>, style: Style, budget: Arc<Semaphore>) -> Self {
        Self {
            style,
            head: Some(head),
            headers: Vec::new(),
            pieces: None,
            encoder: None,
            held: Vec::new(),
            held_bytes: 0,
            budget,
            reserved: None,
        }
    }

    /// A header of the answer. It has to come before the first piece.
    pub(crate) fn header(&mut self, name: &'static str, value: &str) {
        // A query id with a line break in it, say, is left out.
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            self.headers.push((HeaderName::from_static(name), value));
        }
    }

    /// Whether the client has gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.head.as_ref().is_some_and(oneshot::Sender::is_closed) || self.pieces.as_ref().is_some_and(mpsc::Sender::is_closed)
    }

    /// A piece of the answer.
    pub(crate) fn push(&mut self, piece: Bytes) -> Result<(), Stopped> {
        if piece.is_empty() {
            return Ok(());
        }
        if self.pieces.is_none() {
            let may_wait = self.held.is_empty() || self.style.wait_for_end;
            if may_wait {
                return self.hold(piece);
            }
            self.start()?;
        }
        self.send(&piece)
    }

    fn hold(&mut self, piece: Bytes) -> Result<(), Stopped> {
        self.held_bytes += piece.len();
        if self.held_bytes > MAX_HELD_BYTES {
            return Err(Stopped::TooMuch);
        }
        let has_kib = self.reserved.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more_kib = self.held_bytes.saturating_sub(FREE_BYTES).div_ceil(1024).saturating_sub(has_kib);
        if more_kib > 0 {
            let more_kib = u32::try_from(more_kib).map_err(|_| Stopped::TooMuch)?;
            let more = Arc::clone(&self.budget).try_acquire_many_owned(more_kib).map_err(|_| Stopped::TooMuch)?;
            match &mut self.reserved {
                Some(reserved) => reserved.merge(more),
                None => self.reserved = Some(more),
            }
        }
        self.held.push(piece);
        Ok(())
    }

    /// The end of the answer, with its figures where nothing was sent yet.
    pub(crate) fn finish(mut self, counts: Counts, elapsed_ns: u128) -> Result<(), Stopped> {
        if let Some(pieces) = self.pieces.take() {
            let rest = self.encoder.take().map_or(Ok(Vec::new()), Encoder::finish).map_err(Stopped::Encoding)?;
            if !rest.is_empty() {
                pieces.blocking_send(ReplyPiece::Data(rest.into())).map_err(|_| Stopped::Gone(Gone))?;
            }
            return pieces.blocking_send(ReplyPiece::End).map_err(|_| Stopped::Gone(Gone));
        }
        self.header("x-clickhouse-summary", &summary(counts, elapsed_ns));
        let body = self.encoded_whole().map_err(Stopped::Encoding)?;
        let body = match self.reserved.take() {
            Some(reserved) => Bytes::from_owner(Held(body, reserved)),
            None => body,
        };
        self.reply(200, body)
    }

    /// The exception instead of the answer, or in the middle of it.
    pub(crate) fn fail(mut self, exception: &Exception) {
        let text = format!("{}\n", exception.text(&self.style.version));
        if self.pieces.is_some() {
            let tag = &self.style.tag;
            let block = format!("\r\n__exception__\r\n{tag}\r\n{text}{} {tag}\r\n__exception__\r\n", text.len());
            // Whether it arrives or not, the answer has no end.
            self.send(&Bytes::from(block)).ok();
            if let (Some(pieces), Some(encoder)) = (&self.pieces, self.encoder.take())
                && let Ok(rest) = encoder.finish()
                && !rest.is_empty()
            {
                pieces.blocking_send(ReplyPiece::Data(rest.into())).ok();
            }
            return;
        }
        self.held = vec![Bytes::from(text)];
        self.header("x-clickhouse-exception-code", &exception.code.to_string());
        self.headers.retain(|(name, _)| name != "content-type" && name != "x-clickhouse-format");
        self.header("content-type", "text/plain; charset=UTF-8");
        if let Ok(body) = self.encoded_whole() {
            self.reply(exception.status(), body).ok();
        }
    }

    fn reply(&mut self, status: u16, body: Bytes) -> Result<(), Stopped> {
        let Some(head) = self.head.take() else { return Ok(()) };
        let headers = std::mem::take(&mut self.headers);
        head.send(Reply { status, headers, body: ReplyBody::text(body) }).map_err(|_| Stopped::Gone(Gone))
    }

    fn encoded_whole(&mut self) -> io::Result<Bytes> {
        let held = std::mem::take(&mut self.held);
        let one = match held.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            many => many.concat().into(),
        };
        let one = if self.style.in_blocks && !one.is_empty() { in_blocks(&one) } else { one };
        let Some(encoding) = self.style.encoding else { return Ok(one) };
        self.header("content-encoding", encoding.name());
        let mut encoder = Encoder::new(Some(encoding))?;
        let mut encoded = encoder.encode(&one)?.unwrap_or_default();
        encoded.extend(encoder.finish()?);
        Ok(encoded.into())
    }

    fn start(&mut self) -> Result<(), Stopped> {
        if let Some(encoding) = self.style.encoding {
            self.header("content-encoding", encoding.name());
        }
        let tag = self.style.tag.clone();
        self.header("x-clickhouse-exception-tag", &tag);
        self.encoder = Some(Encoder::new(self.style.encoding).map_err(Stopped::Encoding)?);
        let (sender, pieces) = mpsc::channel(WAITING_PIECES);
        self.pieces = Some(sender);
        if let Some(head) = self.head.take() {
            let reply = Reply {
                status: 200,
                headers: std::mem::take(&mut self.headers),
                body: ReplyBody::Pieces { pieces, was_flushed: false, guard: None },
            };
            head.send(reply).map_err(|_| Stopped::Gone(Gone))?;
        }
        for piece in std::mem::take(&mut self.held) {
            self.send(&piece)?;
        }
        Ok(())
    }

    fn send(&mut self, piece: &Bytes) -> Result<(), Stopped> {
        let piece = if self.style.in_blocks { in_blocks(piece) } else { piece.clone() };
        let encoder = self.encoder.as_mut().expect("an answer that was started has an encoder");
        let piece = encoder.encode(&piece).map_err(Stopped::Encoding)?.map_or(piece, Bytes::from);
        let pieces = self.pieces.as_ref().expect("an answer that was started has a way");
        pieces.blocking_send(ReplyPiece::Data(piece)).map_err(|_| Stopped::Gone(Gone))
    }
}

/// Why an answer can't go on.
#[derive(Debug)]
pub(crate) enum Stopped {
    Gone(Gone),
    /// More than is held back.
    TooMuch,
    Encoding(io::Error),
}

fn in_blocks(data: &[u8]) -> Bytes {
    let mut written = Vec::new();
    blocks::write(data, &mut written);
    written.into()
}

/// `X-ClickHouse-Summary`.
fn summary(counts: Counts, elapsed_ns: u128) -> String {
    format!(
        "{{\"read_rows\":\"{}\",\"read_bytes\":\"{}\",\"written_rows\":\"{}\",\"written_bytes\":\"{}\",\"total_rows_to_read\":\"0\",\
         \"result_rows\":\"{}\",\"result_bytes\":\"{}\",\"elapsed_ns\":\"{elapsed_ns}\"}}",
        counts.read_rows, counts.read_bytes, counts.written_rows, counts.written_bytes, counts.result_rows, counts.result_bytes
    )
}
