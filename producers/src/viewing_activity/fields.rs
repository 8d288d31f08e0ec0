//! The fields of one line of CSV (RFC 4180). A record is a line: a quote that is not closed spoils its own line, not the rest of the file.

use std::ops::Range;

/// The fields of a line, unquoted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// A quoted field is not closed by the end of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnbalancedQuote;

impl Fields {
    /// Splits a line. Quotes count where a field begins with one; `""` inside of them is a quote; what stands behind the closing quote is
    /// kept as it stands.
    pub(crate) fn split(&mut self, line: &[u8]) -> Result<(), UnbalancedQuote> {
        self.bytes.clear();
        self.ends.clear();
        let mut rest = line;
        loop {
            if let Some(quoted) = rest.strip_prefix(b"\"") {
                rest = self.take_quoted(quoted)?;
            }
            let end = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
            self.bytes.extend_from_slice(&rest[..end]);
            self.ends.push(self.bytes.len());
            match rest.get(end + 1..) {
                Some(next) => rest = next,
                None => return Ok(()),
            }
        }
    }

    /// Takes a quoted part up to its closing quote; what follows it is returned.
    fn take_quoted<'a>(&mut self, mut rest: &'a [u8]) -> Result<&'a [u8], UnbalancedQuote> {
        loop {
            let quote = rest.iter().position(|byte| *byte == b'"').ok_or(UnbalancedQuote)?;
            self.bytes.extend_from_slice(&rest[..quote]);
            rest = &rest[quote + 1..];
            match rest.strip_prefix(b"\"") {
                Some(after) => {
                    self.bytes.push(b'"');
                    rest = after;
                }
                None => return Ok(rest),
            }
        }
    }

    /// Number of fields.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field by its place, from 0.
    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        let range: Range<usize> = start..end;
        Some(&self.bytes[range])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut fields = Fields::default();
        fields.split(line).ok()?;
        Some((0..fields.len()).map(|index| fields.get(index).expect("within the length").to_vec()).collect())
    }

    #[test]
    fn quotes_are_taken_off_and_kept_apart() {
        let expect = |line: &str, fields: Option<&[&str]>| {
            let fields = fields.map(|fields| fields.iter().map(|field| field.as_bytes().to_vec()).collect::<Vec<_>>());
            assert_eq!(split(line.as_bytes()), fields, "{line}");
        };
        expect("a,b,,c", Some(&["a", "b", "", "c"]));
        expect("", Some(&[""]));
        expect("\"a,b\",\"say \"\"hi\"\"\",", Some(&["a,b", "say \"hi\"", ""]));
        expect("5\" disk,x", Some(&["5\" disk", "x"]));
        expect("\"a\"b,c", Some(&["ab", "c"]));
        expect("a,\"b", None);
        expect("\"", None);
    }

    proptest! {
        /// The csv crate writes, we read.
        #[test]
        fn reads_what_csv_writes(record in prop::collection::vec("[a-z\",; é]{0,6}", 2..6)) {
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            writer.write_record(&record).expect("writing to memory");
            let line = writer.into_inner().expect("writing to memory");
            let line = line.strip_suffix(b"\n").expect("a record ends its line");
            prop_assert_eq!(split(line), Some(record.into_iter().map(String::into_bytes).collect()));
        }
    }
}
