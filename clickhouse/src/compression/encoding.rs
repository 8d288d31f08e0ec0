//! What HTTP calls content encodings.

use std::io::{self, Read, Write as _};
use std::mem;

use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use lz4_flex::frame::{FrameDecoder, FrameEncoder};

/// Fast rather than small: the other end is near.
const ZSTD_LEVEL: i32 = 1;

/// The largest window that a decoder makes room for: 2^27 = 128 MiB, as zstd's own programs.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// An encoding that both ends may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Zstd,
    /// LZ4's frames, which only ClickHouse's clients ask for.
    Lz4,
    Gzip,
    Deflate,
}

impl Encoding {
    const ALL: [Self; 4] = [Self::Zstd, Self::Lz4, Self::Gzip, Self::Deflate];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// By the name in Content-Encoding.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        let name = if name.eq_ignore_ascii_case("x-gzip") { "gzip" } else { name };
        Self::ALL.into_iter().find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }

    /// The best of those that Accept-Encoding names.
    pub(crate) fn accepted(header: &str) -> Option<Self> {
        let names: Vec<&str> = header
            .split(',')
            .filter(|one| !one.split(';').skip(1).any(|parameter| matches!(parameter.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")))
            .map(|one| one.split(';').next().unwrap_or_default().trim())
            .collect();
        Self::ALL.into_iter().find(|encoding| names.iter().any(|name| name.eq_ignore_ascii_case(encoding.name())))
    }

    /// Reads what was encoded.
    pub(crate) fn decoder<'a>(self, source: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(source)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Box::new(decoder)
            }
            Self::Lz4 => Box::new(FrameDecoder::new(source)),
            Self::Gzip => Box::new(MultiGzDecoder::new(source)),
            Self::Deflate => Box::new(ZlibDecoder::new(source)),
        })
    }
}

/// Encodes an answer piece by piece.
pub(crate) enum Encoder {
    Plain,
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Lz4(Box<FrameEncoder<Vec<u8>>>),
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
}

impl Encoder {
    pub(crate) fn new(encoding: Option<Encoding>) -> io::Result<Self> {
        Ok(match encoding {
            None => Self::Plain,
            Some(Encoding::Zstd) => Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?),
            Some(Encoding::Lz4) => Self::Lz4(Box::new(FrameEncoder::new(Vec::new()))),
            Some(Encoding::Gzip) => Self::Gzip(GzEncoder::new(Vec::new(), Compression::fast())),
            Some(Encoding::Deflate) => Self::Deflate(ZlibEncoder::new(Vec::new(), Compression::fast())),
        })
    }

    /// What can be sent once this piece is encoded: all of it, so that a reader waits for no other piece. None: the piece itself.
    pub(crate) fn encode(&mut self, piece: &[u8]) -> io::Result<Option<Vec<u8>>> {
        macro_rules! through {
            ($encoder:expr) => {{
                $encoder.write_all(piece)?;
                $encoder.flush()?;
                mem::take($encoder.get_mut())
            }};
        }
        Ok(Some(match self {
            Self::Plain => return Ok(None),
            Self::Zstd(encoder) => through!(encoder),
            Self::Lz4(encoder) => through!(encoder),
            Self::Gzip(encoder) => through!(encoder),
            Self::Deflate(encoder) => through!(encoder),
        }))
    }

    /// What ends it.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(Vec::new()),
            Self::Zstd(encoder) => encoder.finish(),
            Self::Lz4(encoder) => encoder.finish().map_err(io::Error::other),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Deflate(encoder) => encoder.finish(),
        }
    }
}
