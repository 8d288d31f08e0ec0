//! Avro's primitives, appended to a buffer.

/// A long (and an int), zigzag, seven bits a byte.
#[inline]
pub(crate) fn long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    if rest < 0x80 {
        return out.push(rest as u8);
    }
    let mut bytes = [0_u8; 10];
    let mut used = 0;
    while rest >= 0x80 {
        bytes[used] = rest as u8 | 0x80;
        rest >>= 7;
        used += 1;
    }
    bytes[used] = rest as u8;
    out.extend_from_slice(&bytes[..=used]);
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
