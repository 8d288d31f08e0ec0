//! Durations and sizes as text.

/// `7 d`, `78 h`, `30 min`, `60 s`, `500 ms`: milliseconds.
pub(super) fn duration_ms(text: &str) -> Result<u64, String> {
    measure(text, &[("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)])
        .ok_or_else(|| format!("{text:?} is no duration: a whole number and one of d, h, min, s, ms"))
}

/// `1 MiB`, `64 KiB`, `500 B`: bytes.
pub(super) fn size_bytes(text: &str) -> Result<u64, String> {
    measure(text, &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)])
        .ok_or_else(|| format!("{text:?} is no size: a whole number and one of GiB, MiB, KiB, B"))
}

fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}
