//! The way of a command's output from the owner to whoever asked: each piece behind its length, then a length of 0 and how it ended. An
//! answer that breaks off is never taken for a whole one.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

/// Longest piece, bytes.
const PIECE_BYTES: usize = 1 << 20;

/// How a command ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ended")]
pub(crate) enum End {
    /// It ran to its end; the answer may be bad news.
    Done { is_well: bool },
    /// It could not answer.
    Failed { error: String },
}

/// A piece of output as it goes over the line.
pub(crate) fn piece(bytes: &[u8]) -> Vec<u8> {
    let mut framed = format!("{}\n", bytes.len()).into_bytes();
    framed.extend_from_slice(bytes);
    framed
}

/// The end as it goes over the line.
pub(crate) fn end(end: &End) -> Vec<u8> {
    let mut framed = b"0\n".to_vec();
    framed.extend(serde_json::to_vec(end).unwrap_or_default());
    framed
}

/// Copies the pieces to `out`, up to the end.
pub(crate) fn read(input: &mut impl BufRead, out: &mut impl Write) -> io::Result<End> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut piece = Vec::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let length: usize = line.trim_end().parse().map_err(|_| invalid("its answer broke off"))?;
        if length == 0 {
            let mut rest = Vec::new();
            input.read_to_end(&mut rest)?;
            return Ok(serde_json::from_slice(&rest)?);
        }
        if length > PIECE_BYTES {
            return Err(invalid("its answer is not one of this program's"));
        }
        piece.resize(length, 0);
        input.read_exact(&mut piece)?;
        out.write_all(&piece)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_out_whole_or_not_at_all() {
        let whole = [piece(b"one\n"), piece("zw\u{f6}lf".as_bytes()), end(&End::Done { is_well: false })].concat();
        let mut out = Vec::new();
        assert!(matches!(read(&mut whole.as_slice(), &mut out), Ok(End::Done { is_well: false })));
        assert_eq!(out, "one\nzw\u{f6}lf".as_bytes());
        for length in 0..whole.len() {
            assert!(read(&mut &whole[..length], &mut io::sink()).is_err(), "{length} bytes of {}", whole.len());
        }
    }
}
