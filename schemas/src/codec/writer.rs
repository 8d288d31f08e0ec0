//! Avro's primitives, appended to a buffer.

/// Eight groups of seven bits are written as one word.
const LOW_BITS: u64 = (1 << 56) - 1;
const CONTINUES: u64 = 0x8080_8080_8080_8080;

/// A long (and an int), zigzag, seven bits a byte.
#[inline]
pub(crate) fn long(value: i64, out: &mut Vec<u8>) {
    let zigzag = ((value << 1) ^ (value >> 63)) as u64;
    if zigzag < 0x80 {
        out.push(zigzag as u8);
    } else {
        wide_long(zigzag, out);
    }
}

fn wide_long(zigzag: u64, out: &mut Vec<u8>) {
    let used = (u64::BITS - zigzag.leading_zeros()).div_ceil(7) as usize;
    let word = spread(zigzag & LOW_BITS);
    if used > 8 {
        out.extend_from_slice(&(word | CONTINUES).to_le_bytes());
        return match zigzag >> LOW_BITS.count_ones() {
            rest @ 0..0x80 => out.push(rest as u8),
            rest => out.extend_from_slice(&[rest as u8 | 0x80, (rest >> 7) as u8]),
        };
    }
    let continues = CONTINUES & ((1 << (8 * (used - 1))) - 1);
    // A whole word, of which what is too much is taken back: cheaper than a copy of so many bytes.
    out.extend_from_slice(&(word | continues).to_le_bytes());
    out.truncate(out.len() - (8 - used));
}

/// 56 bits to eight groups of seven: halves, then quarters, then eighths.
#[inline]
const fn spread(bits: u64) -> u64 {
    let word = (bits & 0x0fff_ffff) | ((bits << 4) & 0x0fff_ffff_0000_0000);
    let word = (word & 0x0000_3fff_0000_3fff) | ((word << 2) & 0x3fff_0000_3fff_0000);
    (word & 0x007f_007f_007f_007f) | ((word << 1) & 0x7f00_7f00_7f00_7f00)
}

/// A length, a count, a union branch or a symbol's index.
#[inline]
pub(crate) fn length(value: usize, out: &mut Vec<u8>) {
    long(value as i64, out);
}

/// Bytes, and the UTF-8 of a string.
#[inline]
pub(crate) fn bytes(value: &[u8], out: &mut Vec<u8>) {
    length(value.len(), out);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte_by_byte(mut rest: u64, out: &mut Vec<u8>) {
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    #[test]
    fn longs_of_every_width_are_written_as_byte_by_byte() {
        let widths = (0..64).flat_map(|bit| [1_u64 << bit, (1 << bit) - 1, (1 << bit) | 1, u64::MAX >> (63 - bit)]);
        for zigzag in widths {
            let value = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
            let (mut quick, mut slow) = (Vec::new(), Vec::new());
            long(value, &mut quick);
            byte_by_byte(zigzag, &mut slow);
            assert_eq!(quick, slow, "{value}");
        }
    }
}
