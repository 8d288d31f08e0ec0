//! Input files: plain or compressed, told apart by what is in them.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

/// The two bytes by which gzip begins (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// Reads `input`, unpacking it where it is gzip. Waits for the first two bytes; after them an input that says [`ErrorKind::WouldBlock`] where
/// nothing has come yet is read on when it is asked again.
///
/// # Errors
/// Where the first bytes can't be read.
pub fn open_plain_or_gzip<'r>(input: impl Read + 'r) -> io::Result<Box<dyn BufRead + 'r>> {
    let mut input = BufReader::with_capacity(64 * 1024, input);
    let mut first = [0; 2];
    let mut held = 0;
    while held < first.len() {
        match input.read(&mut first[held..]) {
            Ok(0) => break,
            Ok(count) => held += count,
            // There is nothing yet by which to tell.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    let is_gzip = first[..held] == GZIP_MAGIC;
    let whole = BufReader::new(io::Cursor::new(first).take(held as u64).chain(input));
    Ok(if is_gzip { Box::new(BufReader::with_capacity(64 * 1024, MultiGzDecoder::new(whole))) } else { Box::new(whole) })
}
