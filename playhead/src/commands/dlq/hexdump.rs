//! Bytes as people read them.

use std::fmt::Write as _;

/// Bytes a line.
const WIDTH: usize = 16;

/// Lines of offset, bytes in hexadecimal, and what of them is ASCII.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = String> {
    bytes.chunks(WIDTH).enumerate().map(|(index, chunk)| {
        let mut line = format!("{:08x} ", index * WIDTH);
        for place in 0..WIDTH {
            let gap = if place == WIDTH / 2 { " " } else { "" };
            match chunk.get(place) {
                Some(byte) => write!(line, "{gap} {byte:02x}"),
                None => write!(line, "{gap}   "),
            }
            .expect("writing to a string");
        }
        let text: String = chunk.iter().map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }).collect();
        write!(line, "  |{text}|").expect("writing to a string");
        line
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn sixteen_bytes_a_line() {
        let bytes: Vec<u8> = (0x18..0x2a).chain([0xff]).collect();
        let lines: Vec<String> = super::lines(&bytes).collect();
        assert_eq!(
            lines,
            [
                "00000000  18 19 1a 1b 1c 1d 1e 1f  20 21 22 23 24 25 26 27  |........ !\"#$%&'|",
                "00000010  28 29 ff                                          |().|"
            ]
        );
        assert_eq!(super::lines(&[]).count(), 0);
    }
}
