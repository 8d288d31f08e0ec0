//! ClickHouse's compressed blocks: checksum (16 bytes), method (1), compressed size with this header (4, little-endian), size (4), data.

use std::io::{self, Read};

use super::city_hash::checksum;
use crate::exception::{
    CANNOT_DECOMPRESS, CANNOT_READ_ALL_DATA, CHECKSUM_DOESNT_MATCH, Code, TOO_LARGE_SIZE_COMPRESSED, UNKNOWN_COMPRESSION_METHOD,
};

const CHECKSUM_BYTES: usize = 16;
const HEADER_BYTES: usize = 9;
const LZ4: u8 = 0x82;
const ZSTD: u8 = 0x90;
const NONE: u8 = 0x02;

/// The most that a block may take, as in ClickHouse (DBMS_MAX_COMPRESSED_SIZE).
const MAX_BYTES: usize = 0x4000_0000;

/// The most that this server takes: what is not yet a row of a table is held in memory.
const MAX_BLOCK_BYTES: usize = 0x1000_0000;

/// Data in one block, or one mebibyte after the other: what a reader must hold at once.
const BLOCK_BYTES: usize = 1 << 20;

/// A block that can't be read, as an exception of ClickHouse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct BlockError {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl BlockError {
    fn error(code: Code, message: impl Into<String>) -> io::Error {
        io::Error::other(Self { code, message: message.into() })
    }
}

/// Compresses data into blocks, by LZ4 as ClickHouse does it.
pub(crate) fn write(data: &[u8], blocks: &mut Vec<u8>) {
    for piece in data.chunks(BLOCK_BYTES) {
        let start = blocks.len();
        blocks.resize(start + CHECKSUM_BYTES + HEADER_BYTES, 0);
        let compressed = lz4_flex::block::compress(piece);
        blocks.extend_from_slice(&compressed);
        let size = u32::try_from(compressed.len() + HEADER_BYTES).expect("LZ4 makes little more of a mebibyte");
        let header = &mut blocks[start + CHECKSUM_BYTES..start + CHECKSUM_BYTES + HEADER_BYTES];
        header[0] = LZ4;
        header[1..5].copy_from_slice(&size.to_le_bytes());
        header[5..].copy_from_slice(&u32::try_from(piece.len()).expect("at most a mebibyte").to_le_bytes());
        let sum = checksum(&blocks[start + CHECKSUM_BYTES..]);
        blocks[start..start + CHECKSUM_BYTES].copy_from_slice(&sum);
    }
}

/// Reads the data of blocks.
pub(crate) struct BlockReader<R> {
    source: R,
    /// What is left of the block that was read last.
    data: Vec<u8>,
    at: usize,
}

impl<R: Read> BlockReader<R> {
    pub(crate) const fn new(source: R) -> Self {
        Self { source, data: Vec::new(), at: 0 }
    }

    /// Reads the next block. False at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        let mut head = [0; CHECKSUM_BYTES + HEADER_BYTES];
        if !read_or_end(&mut self.source, &mut head)? {
            return Ok(false);
        }
        let header = &head[CHECKSUM_BYTES..];
        let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes")) as usize;
        let (compressed_size, size) = (number(1), number(5));
        if compressed_size > MAX_BYTES || compressed_size > MAX_BLOCK_BYTES || size > MAX_BLOCK_BYTES {
            return Err(BlockError::error(
                TOO_LARGE_SIZE_COMPRESSED,
                format!("Too large size_compressed_without_checksum: {compressed_size}. Most likely corrupted data."),
            ));
        }
        if compressed_size < HEADER_BYTES {
            return Err(BlockError::error(
                CANNOT_DECOMPRESS,
                format!(
                    "Can't decompress data: the compressed data size ({compressed_size}, this should include header size) is less than the header size ({HEADER_BYTES})"
                ),
            ));
        }
        let mut block = head[CHECKSUM_BYTES..].to_vec();
        // As it comes, and not at once: a header may promise more than follows.
        let wanted = (compressed_size - HEADER_BYTES) as u64;
        let read = self.source.by_ref().take(wanted).read_to_end(&mut block)? as u64;
        if read < wanted {
            return Err(BlockError::error(
                CANNOT_READ_ALL_DATA,
                format!("Cannot read all data. Bytes read: {read}. Bytes expected: {wanted}"),
            ));
        }
        if checksum(&block) != head[..CHECKSUM_BYTES] {
            return Err(BlockError::error(CHECKSUM_DOESNT_MATCH, "Checksum doesn't match: corrupted data"));
        }
        self.data = decompress(block[0], &block[HEADER_BYTES..], size)?;
        self.at = 0;
        Ok(true)
    }
}

impl<R: Read> Read for BlockReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.data.len() {
            if !self.next_block()? {
                return Ok(0);
            }
        }
        let length = buffer.len().min(self.data.len() - self.at);
        buffer[..length].copy_from_slice(&self.data[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

fn decompress(method: u8, compressed: &[u8], size: usize) -> io::Result<Vec<u8>> {
    let cannot =
        |_| BlockError::error(CANNOT_DECOMPRESS, format!("Cannot decompress {}-encoded data", if method == LZ4 { "LZ4" } else { "ZSTD" }));
    let data = match method {
        LZ4 => lz4_flex::block::decompress(compressed, size).map_err(|error| cannot(error.to_string()))?,
        ZSTD => zstd::bulk::decompress(compressed, size).map_err(|error| cannot(error.to_string()))?,
        NONE => compressed.to_vec(),
        other => return Err(BlockError::error(UNKNOWN_COMPRESSION_METHOD, format!("Unknown codec family code: {other}"))),
    };
    if data.len() == size { Ok(data) } else { Err(cannot(String::new())) }
}

/// Fills the buffer. False where the source has ended before its first byte.
fn read_or_end(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut at = 0;
    while at < buffer.len() {
        match source.read(&mut buffer[at..]) {
            Ok(0) if at == 0 => return Ok(false),
            Ok(0) => {
                return Err(BlockError::error(
                    CANNOT_READ_ALL_DATA,
                    format!("Cannot read all data. Bytes read: {at}. Bytes expected: {}", buffer.len()),
                ));
            }
            Ok(length) => at += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
