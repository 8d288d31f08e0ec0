//! Where answers go: standard output, or whoever asked the owner of a folder; in words or as JSON.

use std::io::{self, BufWriter, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::doctor::Status;
use crate::shown;

/// Where the answer is written to.
pub(crate) struct Answer {
    out: BufWriter<Box<dyn Write + Send>>,
    /// Whether the answer is JSON.
    pub(crate) is_json: bool,
}

impl Answer {
    /// Standard output; colours only on a terminal, and not with NO_COLOR.
    pub(crate) fn new(is_json: bool) -> Self {
        Self::to(Box::new(anstream::stdout()), is_json)
    }

    /// Another output, with colours.
    pub(crate) fn to(out: Box<dyn Write + Send>, is_json: bool) -> Self {
        Self { out: BufWriter::new(out), is_json }
    }

    /// One value of JSON on a line of its own.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }

    /// A line. Control characters are written out, here and in all that follows.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", shown::escaped(text))
    }

    /// A line that says how a check came out, in its colour.
    pub(crate) fn verdict(&mut self, status: Status, text: &str) -> io::Result<()> {
        let style = match status {
            Status::Ok => AnsiColor::Green.on_default(),
            Status::Warning => AnsiColor::Yellow.on_default(),
            Status::Failure => AnsiColor::Red.on_default().bold(),
        };
        writeln!(self.out, "{style}{:8}{style:#} {}", status.name(), shown::escaped(text))
    }

    /// A heading.
    pub(crate) fn heading(&mut self, text: &str) -> io::Result<()> {
        let bold = Style::new().bold();
        writeln!(self.out, "{bold}{}{bold:#}", shown::escaped(text))
    }

    /// A table whose columns in `right` are figures.
    pub(crate) fn table(&mut self, header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> io::Result<()> {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header.iter().copied());
        // Before the widths are measured.
        table.add_rows(rows.iter().map(|row| row.iter().map(|cell| shown::escaped(cell))));
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if right.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut lines = table.lines();
        if let Some(header) = lines.next() {
            self.heading(header.trim_end())?;
        }
        lines.try_for_each(|line| self.line(line.trim_end()))
    }

    /// Hands on what there is so far.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Hands everything on.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()
    }
}
