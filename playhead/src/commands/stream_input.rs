//! An input that may come slowly, such as a pipe.

use std::io::{self, Cursor, ErrorKind, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// How long it is waited for more before the reader is told that nothing has come.
const PAUSE: Duration = Duration::from_millis(500);

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks that are read ahead.
const CHUNKS: usize = 4;

/// Reads an input on a thread of its own, so that whoever reads is told by [`ErrorKind::WouldBlock`] when nothing has come for a while, and
/// can put that time to use. The thread ends with the input, or with the process.
pub(super) struct StreamInput {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Cursor<Vec<u8>>,
}

impl StreamInput {
    pub(super) fn new(input: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, chunks) = sync_channel(CHUNKS);
        thread::Builder::new().name("input".to_owned()).spawn(move || hand_over(input, &sender))?;
        Ok(Self { chunks, chunk: Cursor::default() })
    }
}

impl Read for StreamInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.position() == self.chunk.get_ref().len() as u64 {
            self.chunk = match self.chunks.recv_timeout(PAUSE) {
                Ok(chunk) => Cursor::new(chunk?),
                Err(RecvTimeoutError::Timeout) => return Err(ErrorKind::WouldBlock.into()),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            };
        }
        self.chunk.read(buffer)
    }
}

fn hand_over(mut input: impl Read, chunks: &SyncSender<io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let chunk = match input.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => Ok(buffer[..length].to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            // A descriptor that does not wait can't be read from like this; it must not look like a pause.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(io::Error::other(error)),
            Err(error) => Err(error),
        };
        let is_broken = chunk.is_err();
        if chunks.send(chunk).is_err() || is_broken {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_has_come_is_read_and_then_a_pause_is_told() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut input = StreamInput::new(reader).unwrap();
        let mut buffer = [0; 3];
        writer.write_all(b"four").unwrap();
        assert_eq!((input.read(&mut buffer).unwrap(), &buffer), (3, b"fou"));
        assert_eq!(input.read(&mut buffer).unwrap(), 1);
        assert_eq!(input.read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        writer.write_all(b"ab").unwrap();
        drop(writer);
        assert_eq!(input.read(&mut buffer).unwrap(), 2);
        assert_eq!([input.read(&mut buffer).unwrap(), input.read(&mut buffer).unwrap()], [0, 0]);
    }

    /// Each error comes once, and then the end.
    #[test]
    fn an_error_is_handed_on_and_is_no_pause() {
        struct Broken(ErrorKind);
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
        }
        for (kind, told) in [(ErrorKind::WouldBlock, ErrorKind::Other), (ErrorKind::BrokenPipe, ErrorKind::BrokenPipe)] {
            let mut input = StreamInput::new(Broken(kind)).unwrap();
            assert_eq!(input.read(&mut [0]).unwrap_err().kind(), told);
            assert_eq!(input.read(&mut [0]).unwrap(), 0);
        }
    }
}
