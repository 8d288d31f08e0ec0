//! Times, durations and text from outside as people read them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

/// `2024-01-16 17:52:49 UTC`.
pub(crate) fn time(time_us: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(time_us)
        .map_or_else(|| time_us.to_string(), |time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// `2024-01-16 17:52`, for a column whose heading says that it is UTC.
pub(crate) fn minute(time_us: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(time_us).map_or_else(|| time_us.to_string(), |time| time.format("%Y-%m-%d %H:%M").to_string())
}

/// Columns of a terminal that nobody has made wider.
const WIDTH: usize = 80;

/// Words in as many lines as it takes, each behind `indent`.
pub(crate) fn wrapped(indent: &str, words: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + word.chars().count() <= WIDTH => {
                line.push_str("  ");
                line.push_str(&word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}

/// `1:28:17`.
pub(crate) fn position(position_ms: i64) -> String {
    let seconds = position_ms.div_euclid(1000);
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// An offset in time: `+0:01:02.345`, with a minus where it lies before.
pub(crate) fn offset(offset_us: i64) -> String {
    let sign = if offset_us < 0 { '-' } else { '+' };
    let ms = offset_us.unsigned_abs() / 1000;
    format!("{sign}{}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

/// `12.345 s`.
pub(crate) fn duration(duration_ms: i64) -> String {
    format!("{}.{:03} s", duration_ms / 1000, duration_ms % 1000)
}

/// `5,202`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `5,202 rows`, `1 row`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A ratio in percent, or a dash where there is none.
pub(crate) fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.2} %", ratio * 100.0))
}

/// A value, or a dash.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Text whose control characters are written out, as in `\u{1b}`: what came from outside neither moves the cursor nor turns the line around.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return text.into();
    }
    text.chars()
        .fold(String::with_capacity(text.len() + 16), |mut shown, c| {
            if is_control(c) {
                shown.extend(c.escape_unicode())
            } else {
                shown.push(c)
            }
            shown
        })
        .into()
}

/// C0, DEL, C1, and what sets the direction of text (UAX #9: embeddings, overrides, isolates).
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A code in words: `exit before start`.
pub(crate) fn words(code: &str) -> String {
    code.replace('_', " ")
}

/// `yes` or nothing.
pub(crate) fn flag(is_so: bool) -> String {
    if is_so { "yes".to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_people_read_them() {
        assert_eq!(super::time(1_705_427_569_000_000), "2024-01-16 17:52:49 UTC");
        assert_eq!(super::minute(1_705_427_569_000_000), "2024-01-16 17:52");
        let words = ["w".repeat(40), "w".repeat(34), "w".repeat(2)];
        assert_eq!(super::wrapped("  ", words.clone()), [format!("  {}  {}", words[0], words[1]), "  ww".to_owned()]);
        assert_eq!(super::position(5_297_999), "1:28:17");
        assert_eq!(super::offset(62_345_678), "+0:01:02.345");
        assert_eq!(super::offset(-1_500_000), "-0:00:01.500");
        assert_eq!(super::duration(12_045), "12.045 s");
        assert_eq!([0, 999, 1_000, 5_202, 1_234_567].map(super::count), ["0", "999", "1,000", "5,202", "1,234,567"]);
        assert_eq!(super::ratio(Some(0.012_34)), "1.23 %");
        assert_eq!(super::ratio(None), "-");
        assert_eq!(super::words("exit_before_start"), "exit before start");
    }

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(super::escaped("a\u{1b}[31m\u{7f}\u{9b}\u{202e}b\u{2069}\n"), r"a\u{1b}[31m\u{7f}\u{9b}\u{202e}b\u{2069}\u{a}");
        assert_eq!(super::escaped("São Paulo, 東京"), "São Paulo, 東京");
    }
}
