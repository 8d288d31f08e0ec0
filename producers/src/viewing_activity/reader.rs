//! Rows of a file, one after the other.

use std::io::{self, BufRead};

use super::columns::{Columns, HeaderError};
use super::fields::Fields;
use super::row::ViewingRow;
use super::row_error::{RowError, shown};
use crate::{LINE_BYTES, Line, Lines};

/// Why a file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not viewing activity.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The system, or the decompressor, says no.
    #[error("cannot be read on")]
    Io(#[from] io::Error),
}

/// A row with the number of its line, or what is wrong with it.
pub type RowRead = Result<(u64, ViewingRow), RowError>;

/// The rows of a file of viewing activity.
pub struct Rows<R> {
    lines: Lines<R>,
    columns: Columns,
    fields: Fields,
}

impl<R: BufRead> Rows<R> {
    /// Reads the first line, which names the columns.
    ///
    /// # Errors
    /// Where it does not name all that is needed.
    pub fn new(input: R) -> Result<Self, ReadError> {
        let mut lines = Lines::new(input);
        let mut fields = Fields::default();
        let header = lines.next_line()?.ok_or(HeaderError::Empty)?;
        if header.is_too_long() {
            return Err(HeaderError::NotAHeader("it is longer than a line may be").into());
        }
        fields.split(header.bytes).map_err(|_| HeaderError::NotAHeader("a quote is not closed"))?;
        let columns = Columns::of(&fields)?;
        Ok(Self { lines, columns, fields })
    }

    /// Where the columns are.
    #[must_use]
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The next row, or what is wrong with it; none at the end. Empty lines are passed over.
    ///
    /// # Errors
    /// Where the file can't be read on.
    pub fn next_row(&mut self) -> Result<Option<RowRead>, ReadError> {
        while let Some(line) = self.lines.next_line()? {
            if line.length > 0 {
                return Ok(Some(parse(line, &self.columns, &mut self.fields)));
            }
        }
        Ok(None)
    }
}

fn parse(line: Line<'_>, columns: &Columns, fields: &mut Fields) -> RowRead {
    let whole = |reason, detail| RowError { line: line.number, column: None, value: shown(line.bytes), reason, detail };
    if line.is_too_long() {
        return Err(whole("line_too_long", format!("{} bytes, at most {LINE_BYTES}", line.length)));
    }
    fields.split(line.bytes).map_err(|_| whole("unbalanced_quote", "a quote is not closed".to_owned()))?;
    Ok((line.number, ViewingRow::parse(line.number, columns, fields)?))
}
