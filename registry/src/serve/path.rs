//! Segments of a path, percent-encoded (RFC 3986).

/// The segments of a path, decoded; none where it is no text.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect()
}

fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// A segment as it stands in a path: all but RFC 3986's unreserved characters is encoded.
pub(crate) fn encode_segment(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for text in ["playback_events.clean-value", "a/b", "50%", "São Paulo", "a b?c#d", "%2F"] {
            assert_eq!(segments(&format!("/subjects/{}/versions", encode_segment(text))).unwrap(), ["subjects", text, "versions"]);
        }
        assert_eq!(segments("//subjects/").unwrap(), ["subjects"]);
        for bad in ["/%", "/%4", "/%zz", "/%ff", "/%+1"] {
            assert_eq!(segments(bad), None, "{bad}");
        }
    }
}
