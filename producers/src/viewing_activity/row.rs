//! One view.

use chrono::NaiveDateTime;

use super::columns::{Column, Columns};
use super::fields::Fields;
use super::row_error::{RowError, shown};

/// What a row says, in the units of events. What the same view looks like in our columns and in Netflix's is the same row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ViewingRow {
    /// Who watched, as it stands.
    pub profile: String,
    /// When the view began, microseconds since 1970 UTC.
    pub start_time_us: i64,
    /// How long it was watched, ms.
    pub duration_ms: i64,
    /// What was watched, as it stands.
    pub title: String,
    /// Empty for a full title, else a kind of trailer.
    pub supplemental_type: String,
    /// Started by the product and not by the viewer.
    pub autoplayed: bool,
    /// On what.
    pub device_type: Option<String>,
    /// The playhead at the end of the view, ms.
    pub bookmark_ms: i64,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

impl ViewingRow {
    /// Whether it is a preview: a trailer, or started by the product.
    #[must_use]
    pub fn is_preview(&self) -> bool {
        self.autoplayed || !self.supplemental_type.is_empty()
    }

    /// When the view ended, microseconds since 1970 UTC.
    #[must_use]
    pub fn end_time_us(&self) -> i64 {
        self.start_time_us.saturating_add(self.duration_ms.saturating_mul(1000))
    }

    /// Reads the fields of a line.
    pub(crate) fn parse(line: u64, columns: &Columns, fields: &Fields) -> Result<Self, RowError> {
        let cells = Cells { line, columns, fields };
        if fields.len() != columns.count() {
            let detail = format!("{} fields where the first line names {}", fields.len(), columns.count());
            return Err(RowError { line, column: None, value: String::new(), reason: "wrong_column_count", detail });
        }
        Ok(Self {
            profile: cells.required(Column::Profile)?.to_owned(),
            start_time_us: cells.start_time_us()?,
            duration_ms: cells.clock_ms(Column::Duration)?,
            title: cells.required(Column::Title)?.to_owned(),
            supplemental_type: cells.text(Column::SupplementalType)?.to_owned(),
            autoplayed: cells.autoplayed()?,
            device_type: cells.optional(Column::DeviceType)?,
            bookmark_ms: cells.clock_ms(Column::Bookmark)?,
            // Netflix adds the name: "BR (Brazil)".
            country: cells.optional(Column::Country)?.map(|country| country.split(" (").next().unwrap_or_default().to_owned()),
        })
    }
}

/// The cells of one row.
struct Cells<'r> {
    line: u64,
    columns: &'r Columns,
    fields: &'r Fields,
}

impl<'r> Cells<'r> {
    fn error(&self, column: Column, value: &str, reason: &'static str, detail: impl Into<String>) -> RowError {
        RowError {
            line: self.line,
            column: Some(self.columns.name(column).to_owned()),
            value: shown(value.as_bytes()),
            reason,
            detail: detail.into(),
        }
    }

    /// The text of a cell; empty where the file has no such column.
    fn text(&self, column: Column) -> Result<&'r str, RowError> {
        let bytes = self.columns.place(column).and_then(|place| self.fields.get(place)).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.trim()),
            Err(_) => Err(self.error(column, &shown(bytes), "not_utf8", "is not UTF-8")),
        }
    }

    fn required(&self, column: Column) -> Result<&'r str, RowError> {
        let text = self.text(column)?;
        if text.is_empty() { Err(self.error(column, text, "missing_field", "is empty")) } else { Ok(text) }
    }

    fn optional(&self, column: Column) -> Result<Option<String>, RowError> {
        Ok(Some(self.text(column)?).filter(|text| !text.is_empty()).map(str::to_owned))
    }

    fn start_time_us(&self) -> Result<i64, RowError> {
        let text = self.required(Column::StartTime)?;
        let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S");
        let time = time.map_err(|_| self.error(Column::StartTime, text, "bad_time", "must be YYYY-MM-DD hh:mm:ss in UTC"))?;
        Ok(time.and_utc().timestamp_micros())
    }

    /// `h:mm:ss` in ms.
    fn clock_ms(&self, column: Column) -> Result<i64, RowError> {
        let text = self.required(column)?;
        if text.starts_with('-') {
            let reason = if column == Column::Bookmark { "negative_position" } else { "negative_duration" };
            return Err(self.error(column, text, reason, "must not be negative"));
        }
        parse_clock_ms(text).ok_or_else(|| self.error(column, text, "bad_duration", "must be hours:minutes:seconds"))
    }

    fn autoplayed(&self) -> Result<bool, RowError> {
        // Netflix: a remark such as "Autoplayed: user action: None; ".
        let remarked = self.text(Column::Attributes)?.split(';').any(|remark| remark.trim_start().starts_with("Autoplayed:"));
        match self.text(Column::Autoplayed)? {
            "1" | "true" => Ok(true),
            "0" | "false" | "" => Ok(remarked),
            other => Err(self.error(Column::Autoplayed, other, "bad_flag", "must be 0 or 1")),
        }
    }
}

fn parse_clock_ms(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || !is_number(hours, 6) || !is_number(minutes, 2) || !is_number(seconds, 2) {
        return None;
    }
    let (hours, minutes, seconds): (i64, i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?, seconds.parse().ok()?);
    (minutes < 60 && seconds < 60).then_some(((hours * 60 + minutes) * 60 + seconds) * 1000)
}
