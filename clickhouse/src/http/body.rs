//! The body of a request, from the connection to the thread that reads it.

use std::io::{self, Read};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::sync::mpsc;

use crate::compression::blocks::BlockReader;
use crate::compression::encoding::Encoding;
use crate::exception::{Exception, NOT_IMPLEMENTED, SOCKET_TIMEOUT};

/// Pieces of a body that wait to be read. A client that is faster than the engine waits.
const WAITING_PIECES: usize = 8;

/// How long a client may send nothing in the middle of a body, as in ClickHouse (http_receive_timeout).
const SILENCE: Duration = Duration::from_secs(30);

/// Of a body that nobody reads any more: how much, and for how long, is taken off the connection before it is closed.
const DISCARDED_BYTES: usize = 256 << 20;
const DISCARDED_FOR: Duration = Duration::from_secs(10);

/// What comes of a body.
pub(crate) enum Piece {
    Data(Bytes),
    /// It is complete. Without this the client has gone.
    End,
    /// The client sends nothing any more.
    Silence,
}

/// A way for a body.
pub(crate) fn channel() -> (mpsc::Sender<Piece>, BodyReader) {
    let (sender, receiver) = mpsc::channel(WAITING_PIECES);
    (sender, BodyReader { receiver, piece: Bytes::new(), state: State::Open })
}

/// Carries a body to its reader, and takes the rest off the connection where the reader wants no more.
pub(crate) async fn carry<B: Body<Data = Bytes> + Unpin>(mut body: B, sender: mpsc::Sender<Piece>) {
    loop {
        let piece = match tokio::time::timeout(SILENCE, body.frame()).await {
            Err(_) => Piece::Silence,
            Ok(None) => Piece::End,
            Ok(Some(Err(_))) => return,
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => Piece::Data(data),
                // Trailers say nothing.
                Err(_) => continue,
            },
        };
        let is_last = !matches!(piece, Piece::Data(_));
        if sender.send(piece).await.is_err() {
            return discard(body).await;
        }
        if is_last {
            return;
        }
    }
}

/// A client that still writes would else see its connection reset, and not the answer.
pub(crate) async fn discard<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let reading = async {
        let mut left = DISCARDED_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    tokio::time::timeout(DISCARDED_FOR, reading).await.ok();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Broken,
}

/// A body as a thread reads it.
pub(crate) struct BodyReader {
    receiver: mpsc::Receiver<Piece>,
    piece: Bytes,
    state: State,
}

/// Why a body has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the client has gone")]
    Gone,
    #[error("the client sends nothing")]
    Silent,
}

impl BodyReader {
    /// Looks through the encodings that lie around the data: Content-Encoding, then ClickHouse's own blocks.
    pub(crate) fn decoded(self, content_encoding: Option<&str>, in_blocks: bool) -> Result<Box<dyn Read + Send>, Exception> {
        let named = content_encoding.map(str::trim).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
        let reader: Box<dyn Read + Send> = match named {
            None => Box::new(self),
            Some(name) => {
                let encoding = Encoding::named(name).ok_or_else(|| {
                    Exception::new(
                        NOT_IMPLEMENTED,
                        &format!(
                            "Unknown compression method '{}'. Only 'zstd', 'lz4', 'gzip', 'deflate' are supported",
                            name.escape_debug()
                        ),
                    )
                })?;
                encoding.decoder(self).map_err(|error| super::input_exception(&error))?
            }
        };
        Ok(if in_blocks { Box::new(BlockReader::new(reader)) } else { reader })
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.state {
                State::Open => {}
                State::Ended => return Ok(0),
                State::Broken => return Err(io::Error::other(BodyError::Gone)),
            }
            match self.receiver.blocking_recv() {
                Some(Piece::Data(data)) => self.piece = data,
                Some(Piece::End) => self.state = State::Ended,
                Some(Piece::Silence) => {
                    self.state = State::Broken;
                    return Err(io::Error::other(BodyError::Silent));
                }
                None => self.state = State::Broken,
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

impl From<BodyError> for Exception {
    fn from(error: BodyError) -> Self {
        Self::new(SOCKET_TIMEOUT, &format!("Timeout exceeded while reading from socket: {error}"))
    }
}
