//! Which column of the file holds what: our names, or those of Netflix's own export, in any order.

use super::fields::Fields;
use super::row_error::shown;

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// Who watched.
    Profile,
    /// When the view began, UTC.
    StartTime,
    /// How long it was watched.
    Duration,
    /// What was watched.
    Title,
    /// Empty for a full title, else a kind of trailer.
    SupplementalType,
    /// Whether the product started it, not the viewer.
    Autoplayed,
    /// Netflix's list of remarks; `Autoplayed: ...` is one of them.
    Attributes,
    /// On what.
    DeviceType,
    /// The playhead at the end of the view.
    Bookmark,
    /// The service's own resume position. Never imported: a later export changes it.
    LatestBookmark,
    /// Where.
    Country,
}

impl Column {
    const ALL: [Self; 11] = [
        Self::Profile,
        Self::StartTime,
        Self::Duration,
        Self::Title,
        Self::SupplementalType,
        Self::Autoplayed,
        Self::Attributes,
        Self::DeviceType,
        Self::Bookmark,
        Self::LatestBookmark,
        Self::Country,
    ];

    /// Our name and Netflix's; the same where only one of the two has such a column.
    const fn names(self) -> [&'static str; 2] {
        match self {
            Self::Profile => ["profile", "Profile Name"],
            Self::StartTime => ["start_time", "Start Time"],
            Self::Duration => ["duration", "Duration"],
            Self::Title => ["title", "Title"],
            Self::SupplementalType => ["supplemental_type", "Supplemental Video Type"],
            Self::Autoplayed => ["autoplayed", "autoplayed"],
            Self::Attributes => ["Attributes", "Attributes"],
            Self::DeviceType => ["device_type", "Device Type"],
            Self::Bookmark => ["bookmark", "Bookmark"],
            Self::LatestBookmark => ["latest_bookmark", "Latest Bookmark"],
            Self::Country => ["country", "Country"],
        }
    }
}

/// Why a file is not viewing activity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Nothing in it.
    #[error("the file is empty: its first line must name the columns")]
    Empty,
    /// The first line is no list of column names.
    #[error("the first line is not a list of column names: {0}")]
    NotAHeader(&'static str),
    /// One column, whose name looks like several.
    #[error("the first line has one column only: is it separated by {0:?}? The columns must be separated by commas")]
    Separator(char),
    /// Columns that it can't do without are not there.
    #[error(
        "these columns are missing: {missing}. Viewing activity has the columns profile, start_time, duration, title, supplemental_type, \
         autoplayed, device_type, bookmark, country, or those of Netflix's own export; found: {found}"
    )]
    Missing {
        /// Their names.
        missing: String,
        /// The names that are there.
        found: String,
    },
    /// One column is there twice.
    #[error("column {0:?} is there twice")]
    Twice(String),
}

/// The places of the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    places: [Option<usize>; Column::ALL.len()],
    names: Vec<String>,
}

impl Columns {
    /// Reads the header.
    pub(crate) fn of(header: &Fields) -> Result<Self, HeaderError> {
        let mut names = Vec::with_capacity(header.len());
        let mut places = [None; Column::ALL.len()];
        for index in 0..header.len() {
            let field = header.get(index).unwrap_or_default();
            let name = std::str::from_utf8(field).map_err(|_| HeaderError::NotAHeader("it is not UTF-8"))?.trim();
            if let Some(column) = Column::ALL.into_iter().find(|column| column.names().contains(&name)) {
                let place = &mut places[column as usize];
                if place.replace(index).is_some() {
                    return Err(HeaderError::Twice(shown(name.as_bytes())));
                }
            }
            names.push(name.to_owned());
        }
        if let [name] = names.as_slice()
            && let Some(separator) = [';', '\t'].into_iter().find(|separator| name.contains(*separator))
        {
            return Err(HeaderError::Separator(separator));
        }
        let columns = Self { places, names };
        let missing = columns.missing();
        if missing.is_empty() {
            return Ok(columns);
        }
        let found: Vec<String> = columns.names.iter().take(30).map(|name| shown(name.as_bytes())).collect();
        Err(HeaderError::Missing { missing: missing.join(", "), found: found.join(", ") })
    }

    fn missing(&self) -> Vec<&'static str> {
        let is_netflix = self.names.iter().any(|name| name == Column::Profile.names()[1]);
        let has = |column: Column| self.places[column as usize].is_some();
        Column::ALL
            .into_iter()
            .filter(|column| match column {
                // Not imported; and the two that say the same thing.
                Column::LatestBookmark => false,
                Column::Autoplayed => !is_netflix && !has(Column::Autoplayed) && !has(Column::Attributes),
                Column::Attributes => is_netflix && !has(Column::Autoplayed) && !has(Column::Attributes),
                required => !has(*required),
            })
            .map(|column| column.names()[usize::from(is_netflix)])
            .collect()
    }

    /// How many fields a row has.
    pub(crate) fn count(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }

    /// The name that a column has in the file, else ours.
    #[must_use]
    pub fn name(&self, column: Column) -> &str {
        self.place(column).and_then(|place| self.names.get(place)).map_or(column.names()[0], String::as_str)
    }
}
