//! How the records of a batch are made smaller.

use std::io::Write as _;

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

/// The ways that are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    #[default]
    Lz4,
    Zstd,
}

impl Compression {
    /// By the name that librdkafka and Java have for it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "gzip" => Self::Gzip,
            "lz4" => Self::Lz4,
            "zstd" => Self::Zstd,
            _ => return None,
        })
    }

    /// The lowest bits of a batch's attributes.
    const fn bits(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }
}

/// A compression and the memory that it takes.
pub(crate) struct Compressor {
    compression: Compression,
    table: CompressTable,
    block: Vec<u8>,
}

/// Frame with blocks of up to 64 KiB that stand for themselves, without checksums but of its own head: what Java's client writes too. Its
/// last byte is that checksum.
const LZ4_HEAD: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
/// Two bytes less than a frame may have, which is what a table of 16 bits can see to.
const LZ4_BLOCK: usize = 65_534;
/// A block that is as it was.
const LZ4_STORED: u32 = 1 << 31;

impl Compressor {
    pub(crate) fn new(compression: Compression) -> Self {
        Self { compression, table: CompressTable::small(), block: vec![0; get_maximum_output_size(LZ4_BLOCK)] }
    }

    /// Appends bytes to `out`, compressed, and says how: by the bits for a batch's attributes. What would not get smaller stays as it is.
    pub(crate) fn append(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> i16 {
        let start = out.len();
        let done = match self.compression {
            Compression::None => false,
            Compression::Gzip => gzip(bytes, out),
            Compression::Lz4 => self.lz4(bytes, out),
            Compression::Zstd => zstd(bytes, out),
        };
        if done && out.len() - start < bytes.len() {
            return self.compression.bits();
        }
        out.truncate(start);
        out.extend_from_slice(bytes);
        Compression::None.bits()
    }

    fn lz4(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&LZ4_HEAD);
        for block in bytes.chunks(LZ4_BLOCK) {
            let compressed = match compress_into_with_table(block, &mut self.block, &mut self.table) {
                Ok(length) if length < block.len() => Some(&self.block[..length]),
                _ => None,
            };
            let (content, flag) = compressed.map_or((block, LZ4_STORED), |compressed| (compressed, 0));
            out.extend_from_slice(&(content.len() as u32 | flag).to_le_bytes());
            out.extend_from_slice(content);
        }
        out.extend_from_slice(&[0; 4]);
        true
    }
}

fn gzip(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::default());
    encoder.write_all(bytes).is_ok() && encoder.try_finish().is_ok()
}

fn zstd(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    zstd::stream::copy_encode(bytes, out, zstd::DEFAULT_COMPRESSION_LEVEL).is_ok()
}
