//! Lines of bounded length, without a byte order mark before the first: a file without line ends costs no more memory than its longest line may.

use std::io::{self, BufRead};

/// Longest line, bytes. Longer ones are passed over and reported.
pub const LINE_BYTES: usize = 1_000_000;

/// U+FEFF in UTF-8, which some programs write before their text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// One line, without its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// From 1.
    pub number: u64,
    /// Its bytes; the first [`LINE_BYTES`] of a longer one.
    pub bytes: &'a [u8],
    /// Its length, bytes.
    pub length: u64,
}

impl Line<'_> {
    /// Whether there was more than `bytes` shows.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.length > LINE_BYTES as u64
    }
}

/// The lines of an input.
pub struct Lines<R> {
    input: R,
    number: u64,
    /// What has come of the line that is read.
    line: Vec<u8>,
    /// Its length so far, bytes.
    length: u64,
}

impl<R: BufRead> Lines<R> {
    /// The lines of `input`.
    pub fn new(input: R) -> Self {
        Self { input, number: 0, line: Vec::new(), length: 0 }
    }

    /// The next line; none at the end.
    ///
    /// # Errors
    /// Where the input can't be read. After [`io::ErrorKind::WouldBlock`] it may be asked again: what had come of the line is kept.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut ended = false;
        while !ended {
            let available = self.input.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            if self.length == 0 {
                self.line.clear();
            }
            let room = LINE_BYTES - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            self.length += part.len() as u64;
            let consumed = part.len() + usize::from(end.is_some());
            ended = end.is_some();
            self.input.consume(consumed);
        }
        let mut length = std::mem::take(&mut self.length);
        if length == 0 && !ended {
            return Ok(None);
        }
        self.number += 1;
        if length == self.line.len() as u64 && self.line.last() == Some(&b'\r') {
            self.line.pop();
            length -= 1;
        }
        let mark = if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        Ok(Some(Line { number: self.number, bytes: &self.line[mark..], length: length - mark as u64 }))
    }
}
