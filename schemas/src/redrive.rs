//! What is said of a record that was taken from `dead_letters` and written to its topic again.

use std::fmt;
use std::str::FromStr;

use crate::DeadLetter;

/// The header of a redriven record: it names the dead letter, as [`Redriven`] writes it.
pub const HEADER: &str = "playhead.redrive";

/// The id of a dead letter: where the refused record stood, and which stage refused it. As text it is
/// `<topic id, 32 hexadecimal digits>-<partition>-<offset>-<stage>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterId {
    /// Id of the topic that the record stood in.
    pub topic_id: [u8; 16],
    /// Partition that it stood in.
    pub partition: u32,
    /// Offset that it stood at.
    pub offset: i64,
    /// Processor that refused it.
    pub stage: String,
}

impl LetterId {
    /// The id of a letter; none where its partition is none.
    #[must_use]
    pub fn of(letter: &DeadLetter<'_>) -> Option<Self> {
        let partition = u32::try_from(letter.partition).ok()?;
        Some(Self { topic_id: letter.topic_id, partition, offset: letter.offset, stage: letter.stage.to_owned() })
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.topic_id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, "-{}-{}-{}", self.partition, self.offset, self.stage)
    }
}

/// A text that is no id of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no id of a dead letter")]
pub struct NotALetterId(pub String);

impl FromStr for LetterId {
    type Err = NotALetterId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| NotALetterId(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<LetterId> {
    let (digits, rest) = text.split_at_checked(32)?;
    let mut parts = rest.strip_prefix('-')?.splitn(3, '-');
    let mut topic_id = [0; 16];
    for (byte, pair) in topic_id.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let is_lower_hexadecimal = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if !pair.iter().all(is_lower_hexadecimal) {
            return None;
        }
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let partition = number(parts.next()?)?;
    let offset = number(parts.next()?)?;
    let stage = parts.next().filter(|stage| !stage.is_empty())?.to_owned();
    Some(LetterId { topic_id, partition, offset, stage })
}

/// A number as it is printed: no sign, no zeros before it. So an id has one text only, and hashes of texts tell ids apart.
fn number<N: FromStr>(digits: &str) -> Option<N> {
    let is_plain = digits.bytes().all(|digit| digit.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if is_plain { digits.parse().ok() } else { None }
}

/// What the header says: which letter the record was taken from, and how often it had been refused by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redriven {
    /// The letter.
    pub letter: LetterId,
    /// How often its stage had refused the record.
    pub attempts: i64,
}

impl Redriven {
    /// The header's value: `<attempts> <letter id>`.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{} {}", self.attempts, self.letter)
    }

    /// Reads a header's value. None where it is something else: whoever writes to the topic may have put anything there.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (attempts, letter) = str::from_utf8(value).ok()?.split_once(' ')?;
        let attempts = number(attempts).filter(|attempts| *attempts > 0)?;
        Some(Self { letter: letter.parse().ok()?, attempts })
    }

    /// What a dead letter's own headers say: the letter that its record was taken from when it was redriven before.
    #[must_use]
    pub fn of(letter: &DeadLetter<'_>) -> Option<Self> {
        letter.headers.iter().find(|(name, _)| *name == HEADER).and_then(|(_, value)| Self::parse(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> LetterId {
        let topic_id = *b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\xff";
        LetterId { topic_id, partition: 3, offset: 41, stage: "a-stage of its own".to_owned() }
    }

    #[test]
    fn an_id_has_one_text() {
        let text = "000102030405060708090a0b0c0d0eff-3-41-a-stage of its own";
        assert_eq!(id().to_string(), text);
        assert_eq!(text.parse(), Ok(id()));
        let others = [
            "",
            "000102030405060708090a0b0c0d0eff",
            "000102030405060708090a0b0c0d0eff-3-41-",
            "000102030405060708090a0b0c0d0eff-3-41",
            "000102030405060708090A0B0C0D0EFF-3-41-s",
            "000102030405060708090a0b0c0d0eff-03-41-s",
            "000102030405060708090a0b0c0d0eff-3-+41-s",
            "000102030405060708090a0b0c0d0eff-3--1-s",
            "000102030405060708090a0b0c0d0eff-4294967296-1-s",
            "00010203040506070809\u{e9}0b0c0d0eff-3-1-s",
        ];
        for other in others {
            assert_eq!(other.parse::<LetterId>(), Err(NotALetterId(other.to_owned())));
        }
    }

    #[test]
    fn a_header_says_which_letter_and_how_often() {
        let redriven = Redriven { letter: id(), attempts: 12 };
        assert_eq!(redriven.to_text(), format!("12 {}", id()));
        assert_eq!(Redriven::parse(redriven.to_text().as_bytes()), Some(redriven));
        for rubbish in ["", "12", "0 000102030405060708090a0b0c0d0eff-3-41-s", "-1 000102030405060708090a0b0c0d0eff-3-41-s", "1 x"] {
            assert_eq!(Redriven::parse(rubbish.as_bytes()), None, "{rubbish}");
        }
        assert_eq!(Redriven::parse(b"\xff"), None);
    }
}
