//! CityHash128 of version 1.0.2, whose results later versions changed: the checksum of ClickHouse's blocks.
//!
//! After Google's `city.cc` (MIT licence), read for 64-bit little-endian machines.

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;
const K3: u64 = 0xc949_d7c7_509e_6557;

/// Low half, high half.
type Pair = (u64, u64);

fn fetch_64(text: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(text[at..at + 8].try_into().expect("a slice of eight bytes"))
}

fn fetch_32(text: &[u8], at: usize) -> u64 {
    u64::from(u32::from_le_bytes(text[at..at + 4].try_into().expect("a slice of four bytes")))
}

const fn shift_mix(value: u64) -> u64 {
    value ^ (value >> 47)
}

const fn rotate(value: u64, by: u32) -> u64 {
    value.rotate_right(by)
}

const fn hash_16(low: u64, high: u64) -> u64 {
    const MULTIPLIER: u64 = 0x9ddf_ea08_eb38_2d69;
    let a = (low ^ high).wrapping_mul(MULTIPLIER);
    let a = a ^ (a >> 47);
    let b = (high ^ a).wrapping_mul(MULTIPLIER);
    (b ^ (b >> 47)).wrapping_mul(MULTIPLIER)
}

fn hash_up_to_16(text: &[u8]) -> u64 {
    let length = text.len();
    if length > 8 {
        let (a, b) = (fetch_64(text, 0), fetch_64(text, length - 8));
        return hash_16(a, rotate(b.wrapping_add(length as u64), length as u32)) ^ b;
    }
    if length >= 4 {
        let a = fetch_32(text, 0);
        return hash_16((length as u64).wrapping_add(a << 3), fetch_32(text, length - 4));
    }
    if length > 0 {
        let (a, b, c) = (u32::from(text[0]), u32::from(text[length >> 1]), u32::from(text[length - 1]));
        let y = a.wrapping_add(b << 8);
        let z = (length as u32).wrapping_add(c << 2);
        return shift_mix(u64::from(y).wrapping_mul(K2) ^ u64::from(z).wrapping_mul(K3)).wrapping_mul(K2);
    }
    K2
}

fn weak_hash_32(text: &[u8], at: usize, a: u64, b: u64) -> Pair {
    let (w, x, y, z) = (fetch_64(text, at), fetch_64(text, at + 8), fetch_64(text, at + 16), fetch_64(text, at + 24));
    let a = a.wrapping_add(w);
    let b = rotate(b.wrapping_add(a).wrapping_add(z), 21);
    let c = a;
    let a = a.wrapping_add(x).wrapping_add(y);
    let b = b.wrapping_add(rotate(a, 44));
    (a.wrapping_add(z), b.wrapping_add(c))
}

fn murmur(text: &[u8], seed: Pair) -> Pair {
    let (mut a, mut b) = seed;
    let length = text.len();
    let (mut c, mut d);
    if length <= 16 {
        a = shift_mix(a.wrapping_mul(K1)).wrapping_mul(K1);
        c = b.wrapping_mul(K1).wrapping_add(hash_up_to_16(text));
        d = shift_mix(a.wrapping_add(if length >= 8 { fetch_64(text, 0) } else { c }));
    } else {
        c = hash_16(fetch_64(text, length - 8).wrapping_add(K1), a);
        d = hash_16(b.wrapping_add(length as u64), c.wrapping_add(fetch_64(text, length - 16)));
        a = a.wrapping_add(d);
        let mut at = 0;
        let mut left = length as i64 - 16;
        while left > 0 {
            a = (a ^ shift_mix(fetch_64(text, at).wrapping_mul(K1)).wrapping_mul(K1)).wrapping_mul(K1);
            b ^= a;
            c = (c ^ shift_mix(fetch_64(text, at + 8).wrapping_mul(K1)).wrapping_mul(K1)).wrapping_mul(K1);
            d ^= c;
            at += 16;
            left -= 16;
        }
    }
    a = hash_16(a, c);
    b = hash_16(d, b);
    (a ^ b, hash_16(b, a))
}

fn hash_with_seed(text: &[u8], seed: Pair) -> Pair {
    if text.len() < 128 {
        return murmur(text, seed);
    }
    let length = text.len();
    let (mut x, mut y) = seed;
    let mut z = (length as u64).wrapping_mul(K1);
    let v0 = rotate(y ^ K1, 49).wrapping_mul(K1).wrapping_add(fetch_64(text, 0));
    let v1 = rotate(v0, 42).wrapping_mul(K1).wrapping_add(fetch_64(text, 8));
    let w0 = rotate(y.wrapping_add(z), 35).wrapping_mul(K1).wrapping_add(x);
    let w1 = rotate(x.wrapping_add(fetch_64(text, 88)), 53).wrapping_mul(K1);
    let (mut v, mut w) = ((v0, v1), (w0, w1));
    let (mut at, mut left) = (0, length);
    loop {
        for _ in 0..2 {
            x = rotate(x.wrapping_add(y).wrapping_add(v.0).wrapping_add(fetch_64(text, at + 16)), 37).wrapping_mul(K1);
            y = rotate(y.wrapping_add(v.1).wrapping_add(fetch_64(text, at + 48)), 42).wrapping_mul(K1);
            x ^= w.1;
            y ^= v.0;
            z = rotate(z ^ w.0, 33);
            v = weak_hash_32(text, at, v.1.wrapping_mul(K1), x.wrapping_add(w.0));
            w = weak_hash_32(text, at + 32, z.wrapping_add(w.1), y);
            std::mem::swap(&mut z, &mut x);
            at += 64;
        }
        left -= 128;
        if left < 128 {
            break;
        }
    }
    y = y.wrapping_add(rotate(w.0, 37).wrapping_mul(K0)).wrapping_add(z);
    x = x.wrapping_add(rotate(v.0.wrapping_add(z), 49).wrapping_mul(K0));
    // What is left is hashed in blocks of 32 from the end, which may reach back into what was hashed.
    let mut done = 0;
    while done < left {
        done += 32;
        y = rotate(y.wrapping_sub(x), 42).wrapping_mul(K0).wrapping_add(v.1);
        w.0 = w.0.wrapping_add(fetch_64(text, at + left - done + 16));
        x = rotate(x, 49).wrapping_mul(K0).wrapping_add(w.0);
        w.0 = w.0.wrapping_add(v.0);
        v = weak_hash_32(text, at + left - done, v.0, v.1);
    }
    x = hash_16(x, v.0);
    y = hash_16(y, w.0);
    (hash_16(x.wrapping_add(v.1), w.1).wrapping_add(y), hash_16(x.wrapping_add(w.1), y.wrapping_add(v.1)))
}

/// The checksum as ClickHouse writes it: low half, then high half, little-endian.
pub(super) fn checksum(text: &[u8]) -> [u8; 16] {
    let length = text.len();
    let (low, high) = if length >= 16 {
        hash_with_seed(&text[16..], (fetch_64(text, 0) ^ K3, fetch_64(text, 8)))
    } else if length >= 8 {
        let seed = (fetch_64(text, 0) ^ (length as u64).wrapping_mul(K0), fetch_64(text, length - 8) ^ K1);
        hash_with_seed(&[], seed)
    } else {
        hash_with_seed(text, (K0, K1))
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&low.to_le_bytes());
    bytes[8..].copy_from_slice(&high.to_le_bytes());
    bytes
}
