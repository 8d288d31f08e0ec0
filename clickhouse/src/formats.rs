//! How a streamed answer, which comes as whole documents, becomes one document.

/// What becomes of the second document and those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    /// Documents that follow one another are a document.
    Concatenated,
    /// So they are once what each begins with is taken off all but the first.
    Headed(Header),
    /// A document can't be taken apart: the answer is fetched whole.
    Whole,
}

/// What a document begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// Names and types: a count, then that many strings of each, as RowBinary has them.
    BinaryNamesAndTypes,
    /// Names alone.
    BinaryNames,
    /// So many lines, in which a line break is always escaped.
    Lines(usize),
    /// So many records of CSV, in which it may stand in quotes.
    CsvRecords(usize),
}

impl Joining {
    /// By ClickHouse's name for the format, in any case.
    pub(crate) fn of(format: &str) -> Self {
        match format.to_ascii_lowercase().as_str() {
            "tabseparated"
            | "tsv"
            | "tabseparatedraw"
            | "tsvraw"
            | "raw"
            | "csv"
            | "rowbinary"
            | "native"
            | "jsoneachrow"
            | "jsonlines"
            | "ndjson"
            | "jsonstringseachrow"
            | "jsoncompacteachrow"
            | "jsoncompactstringseachrow"
            | "tskv"
            | "values_rows"
            | "lineasstring"
            | "rawblob"
            | "null" => Self::Concatenated,
            "rowbinarywithnamesandtypes" => Self::Headed(Header::BinaryNamesAndTypes),
            "rowbinarywithnames" => Self::Headed(Header::BinaryNames),
            "tabseparatedwithnames" | "tsvwithnames" | "jsoncompacteachrowwithnames" | "jsoncompactstringseachrowwithnames" => {
                Self::Headed(Header::Lines(1))
            }
            "tabseparatedwithnamesandtypes"
            | "tsvwithnamesandtypes"
            | "jsoncompacteachrowwithnamesandtypes"
            | "jsoncompactstringseachrowwithnamesandtypes" => Self::Headed(Header::Lines(2)),
            "csvwithnames" => Self::Headed(Header::CsvRecords(1)),
            "csvwithnamesandtypes" => Self::Headed(Header::CsvRecords(2)),
            _ => Self::Whole,
        }
    }
}

impl Header {
    /// How long it is in a document. None where the document is not as it should be.
    pub(crate) fn length(self, document: &[u8]) -> Option<usize> {
        match self {
            Self::BinaryNamesAndTypes => binary(document, 2),
            Self::BinaryNames => binary(document, 1),
            Self::Lines(count) => {
                let mut breaks = document.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                breaks.nth(count - 1).map(|(at, _)| at + 1)
            }
            Self::CsvRecords(count) => csv(document, count),
        }
    }
}

fn binary(document: &[u8], strings_each: usize) -> Option<usize> {
    let (columns, mut at) = variable_number(document, 0)?;
    for _ in 0..columns.checked_mul(strings_each)? {
        let (length, start) = variable_number(document, at)?;
        at = start.checked_add(length).filter(|end| *end <= document.len())?;
    }
    Some(at)
}

/// A number of seven bits a byte, and the place after it.
fn variable_number(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut number = 0_usize;
    for shift in (0..63).step_by(7) {
        let byte = *bytes.get(at)?;
        at += 1;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((number, at));
        }
    }
    None
}

fn csv(document: &[u8], records: usize) -> Option<usize> {
    let (mut is_quoted, mut left) = (false, records);
    for (at, byte) in document.iter().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => {
                left -= 1;
                if left == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// What HTTP calls a format.
pub(crate) fn content_type(format: &str) -> &'static str {
    let lower = format.to_ascii_lowercase();
    match lower.as_str() {
        "json"
        | "jsoncompact"
        | "jsonstrings"
        | "jsoncompactstrings"
        | "jsoncolumns"
        | "jsoncolumnswithmetadata"
        | "jsoncompactcolumns"
        | "jsonobjecteachrow" => "application/json; charset=UTF-8",
        "xml" => "application/xml; charset=UTF-8",
        "csv" => "text/csv; charset=UTF-8; header=absent",
        "csvwithnames" | "csvwithnamesandtypes" => "text/csv; charset=UTF-8; header=present",
        _ if lower.starts_with("json") || lower == "ndjson" => "application/x-ndjson; charset=UTF-8",
        "tsv"
        | "tabseparated"
        | "tsvraw"
        | "tabseparatedraw"
        | "raw"
        | "tsvwithnames"
        | "tsvwithnamesandtypes"
        | "tabseparatedwithnames"
        | "tabseparatedwithnamesandtypes" => "text/tab-separated-values; charset=UTF-8",
        _ if ["native", "rowbinary", "parquet", "arrow", "orc", "avro", "msgpack", "protobuf", "npy", "bson", "capnproto"]
            .iter()
            .any(|binary| lower.starts_with(binary)) =>
        {
            "application/octet-stream"
        }
        _ => "text/plain; charset=UTF-8",
    }
}

#[cfg(test)]
mod tests;
