use std::io::{BufReader, Read};

use producers::{LINE_BYTES, Lines, open_plain_or_gzip};

fn lines_of(input: &[u8], buffer_bytes: usize) -> Vec<(u64, Vec<u8>, u64)> {
    let mut lines = Lines::new(BufReader::with_capacity(buffer_bytes, input));
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        all.push((line.number, line.bytes.to_vec(), line.length));
    }
    all
}

#[test]
fn lines_end_with_lf_crlf_or_the_file() {
    let expect = |input: &str, lines: &[&str]| {
        let expected: Vec<_> = (1..).zip(lines).map(|(number, line)| (number, line.as_bytes().to_vec(), line.len() as u64)).collect();
        for buffer_bytes in [1, 2, 3, 64] {
            assert_eq!(lines_of(input.as_bytes(), buffer_bytes), expected, "{input:?}, {buffer_bytes}");
        }
    };
    expect("", &[]);
    expect("a", &["a"]);
    expect("a\n", &["a"]);
    expect("a\r\n\r\nb\r", &["a", "", "b"]);
    expect("\n\n", &["", ""]);
    expect("a\rb\n", &["a\rb"]);
}

/// Gives a byte and then says that nothing has come, in turns.
struct Stutters<'t>(&'t [u8], bool);

impl Read for Stutters<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = !self.1;
        if self.1 { Err(std::io::ErrorKind::WouldBlock.into()) } else { self.0.read(&mut buffer[..1]) }
    }
}

#[test]
fn a_line_that_comes_in_pieces_is_whole() {
    let mut lines = Lines::new(open_plain_or_gzip(Stutters(b"one\r\n\n\xEF\xBB\xBFtwo", false)).unwrap());
    let mut all = Vec::new();
    loop {
        match lines.next_line() {
            Ok(Some(line)) => all.push((line.number, line.bytes.to_vec(), line.length)),
            Ok(None) => break,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
    }
    assert_eq!(all, [(1, b"one".to_vec(), 3), (2, vec![], 0), (3, "\u{FEFF}two".into(), 6)]);
}

#[test]
fn a_huge_line_is_cut_and_the_next_one_is_whole() {
    let mut input = vec![b'x'; LINE_BYTES + 1];
    input.push(b'\n');
    input.extend(std::iter::repeat_n(b'y', LINE_BYTES));
    input.extend(b"\nz");
    let lines = lines_of(&input, 8192);
    assert_eq!(
        lines.iter().map(|(number, bytes, length)| (*number, bytes.len(), *length)).collect::<Vec<_>>(),
        [(1, LINE_BYTES, LINE_BYTES as u64 + 1), (2, LINE_BYTES, LINE_BYTES as u64), (3, 1, 1),]
    );
}

#[test]
fn gzip_is_told_by_its_content() {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"one\ntwo\n").unwrap();
    let packed = packed.finish().unwrap();
    // Two members, as `cat a.gz b.gz` makes them.
    let twice = [packed.clone(), packed.clone()].concat();
    for (input, text) in
        [(packed, "one\ntwo\n"), (twice, "one\ntwo\none\ntwo\n"), (b"one\n".to_vec(), "one\n"), (vec![], ""), (vec![0x1F], "\u{1f}")]
    {
        let mut read = String::new();
        open_plain_or_gzip(&input[..]).unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
    }
}
