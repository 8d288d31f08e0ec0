//! The table.

use crate::measure::{Bar, Figure};

/// Figures that compare two measurements.
pub(crate) fn derive_ratios(figures: &mut Vec<Figure>) {
    let value = |name: &str| figures.iter().find(|figure| figure.name == name).map(|figure| figure.value);
    if let (Some(few), Some(many)) = (
        value("playback on decoded events, sessions of 20, 200,000 live"),
        value("playback on decoded events, sessions of 20, 2,000,000 live"),
    ) {
        let name = "time an event, 2,000,000 live sessions against 200,000";
        figures.push(Figure::plain(name, few / many, "x", Some(Bar::AtMost(1.5))));
    }
    let value = |name: &str| figures.iter().find(|figure| figure.name.starts_with(name)).map(|figure| figure.value);
    let processed = value("Kafka to Kafka, playback: client");
    for (what, copied, bar) in [
        ("a copy by librdkafka alone", "Kafka to Kafka, copied by librdkafka alone: client", Some(Bar::AtMost(1.4))),
        ("a copy by a lane of ours", "Kafka to Kafka, copied: client", None),
    ] {
        let copied = figures.iter().find(|figure| figure.name.starts_with(copied)).map(|figure| figure.value);
        if let (Some(processed), Some(copied)) = (processed, copied) {
            figures.push(Figure::plain(&format!("client's CPU an event on Kafka, playback against {what}"), processed / copied, "x", bar));
        }
    }
}

/// Prints the figures with their bars.
pub(crate) fn print(figures: &[Figure]) {
    println!("{:<58} {:>14} {:<16} {:>16}  ", "measurement", "figure", "unit", "bar");
    for figure in figures {
        let bar = match figure.bar {
            Some(Bar::AtLeast(bar)) => format!(">= {}", number(bar)),
            Some(Bar::AtMost(bar)) => format!("<= {}", number(bar)),
            None => String::new(),
        };
        let verdict = match figure.is_met() {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "",
        };
        println!("{:<58} {:>14} {:<16} {bar:>16}  {verdict}", figure.name, number(figure.value), figure.unit);
    }
}

fn number(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.2} M", value / 1e6),
        value if value >= 1e4 => format!("{:.1} k", value / 1e3),
        value if value >= 100.0 => format!("{value:.0}"),
        value => format!("{value:.2}"),
    }
}
