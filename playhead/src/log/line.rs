//! How a line of the log looks.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};
use serving::rfc3339;
use tracing::Level;

use crate::shown;

/// What an event says: its message, and its fields in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    pub(super) fn extend(&mut self, others: &Self) {
        self.0.extend(others.0.clone());
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

/// One line.
pub(super) struct Line<'l> {
    /// Microseconds since 1970 UTC.
    pub(super) time_us: i64,
    pub(super) level: Level,
    pub(super) fields: &'l Fields,
}

/// Fields that say of what a line is, in words for people.
const PLACE: [&str; 5] = ["stage", "lane", "topic", "partition", "offset"];

impl Line<'_> {
    /// `{"time": ..., "level": "warn", "message": ..., "stage": ..., "lane": ..., "topic": ..., "partition": ..., "offset": ..., more}`.
    pub(super) fn as_json(&self) -> String {
        let mut line = Map::new();
        line.insert("time".to_owned(), rfc3339(self.time_us).into());
        line.insert("level".to_owned(), self.level_name().into());
        let fields = &self.fields.0;
        for name in ["message"].into_iter().chain(PLACE) {
            line.extend(fields.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        line.extend(
            fields.iter().filter(|(name, _)| !PLACE.contains(&name.as_str()) && *name != "message").map(|(k, v)| (k.clone(), v.clone())),
        );
        Value::Object(line).to_string()
    }

    /// `2026-11-21T18:13:33.123000Z WARN  playback/0 playback_events-3@42: message, more=...`.
    pub(super) fn for_people(&self) -> String {
        let text = |name| self.fields.text(name);
        let mut place = String::new();
        let parts = [(' ', text("stage")), ('/', text("lane")), (' ', text("topic")), ('-', text("partition")), ('@', text("offset"))];
        for (before, part) in parts {
            if let Some(part) = part {
                place.push(before);
                place.push_str(&part);
            }
        }
        let mut said = text("message").unwrap_or_default();
        for (name, _) in self.fields.0.iter().filter(|(name, _)| !PLACE.contains(&name.as_str()) && *name != "message") {
            // Writing to a String does not fail.
            _ = write!(said, ", {name}={}", text(name).unwrap_or_default());
        }
        let colon = if place.is_empty() { " " } else { ": " };
        let style = self.style();
        let level = self.level_name().to_uppercase();
        format!("{} {style}{level:5}{style:#}{}{colon}{}", rfc3339(self.time_us), shown::escaped(&place), shown::escaped(&said))
    }

    fn level_name(&self) -> &'static str {
        match self.level {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        }
    }

    fn style(&self) -> Style {
        match self.level {
            Level::ERROR => AnsiColor::Red.on_default().bold(),
            Level::WARN => AnsiColor::Yellow.on_default(),
            _ => Style::new().dimmed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let mut fields = Fields::default();
        for (name, value) in [("stage", "playback".into()), ("lane", 1.into()), ("message", "gone\nawry".into()), ("partition", 3.into())] {
            fields.set(name, value);
        }
        fields.set("topic", "playback_events".into());
        fields.set("bytes", 42.into());
        fields
    }

    #[test]
    fn as_json() {
        let fields = fields();
        let line = Line { time_us: 1_764_000_000_123_000, level: Level::WARN, fields: &fields };
        let expected = r#"{"time":"2025-11-24T16:00:00.123000Z","level":"warn","message":"gone\nawry","stage":"playback","lane":1,"topic":"playback_events","partition":3,"bytes":42}"#;
        assert_eq!(line.as_json(), expected);
    }

    #[test]
    fn for_people() {
        let fields = fields();
        let line = Line { time_us: 1_764_000_000_123_000, level: Level::INFO, fields: &fields };
        let said = anstream::adapter::strip_str(&line.for_people()).to_string();
        assert_eq!(said, r"2025-11-24T16:00:00.123000Z INFO  playback/1 playback_events-3: gone\u{a}awry, bytes=42");
        let alone = Fields(Map::from_iter([("message".to_owned(), "up".into())]));
        let said = Line { time_us: 0, level: Level::ERROR, fields: &alone }.for_people();
        assert_eq!(anstream::adapter::strip_str(&said).to_string(), "1970-01-01T00:00:00.000000Z ERROR up");
    }
}
