//! Durations as people write them.

const UNITS: [(&str, i64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// `72h`, `30m`, `1h30m`, `500ms`: numbers with units, in ms.
pub(super) fn parse_ms(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total_ms: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (_, unit_ms) = UNITS.into_iter().find(|(unit, _)| *unit == rest[..unit_end].trim())?;
        total_ms = total_ms.checked_add(number.checked_mul(unit_ms)?)?;
        rest = &rest[unit_end..];
    }
    Some(total_ms)
}

/// The largest unit that says it in a whole number.
pub(super) fn shown(duration_ms: i64) -> String {
    let is_whole = |unit_ms: &i64| duration_ms != 0 && duration_ms % unit_ms == 0;
    // Hours rather than days: horizons are spoken of in hours.
    let (unit, unit_ms) = UNITS.into_iter().take(4).rev().find(|(_, unit_ms)| is_whole(unit_ms)).unwrap_or(UNITS[0]);
    format!("{}{unit}", duration_ms / unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units() {
        let cases = [
            ("72h", Some(259_200_000)),
            ("1h30m", Some(5_400_000)),
            ("500ms", Some(500)),
            ("2d", Some(172_800_000)),
            (" 10 s ", Some(10_000)),
            ("0s", Some(0)),
            ("", None),
            ("h", None),
            ("72", None),
            ("72 hours", None),
            ("-1h", None),
            ("1.5h", None),
            ("99999999999999999999d", None),
            ("9223372036854775807h", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_ms(text), expected, "{text:?}");
        }
    }

    #[test]
    fn shown_as_people_write_them() {
        for text in ["72h", "30m", "10s", "500ms", "0ms", "90m"] {
            assert_eq!(shown(parse_ms(text).unwrap()), text);
        }
    }
}
