//! This host's clock, against that of the registry's: the header `Date` of an answer, which counts whole seconds. Kafka tells no time, but
//! refuses records that are more than its `message.timestamp.after.max.ms` ahead of its clock.

use std::io;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use registry::RegistryClient;

use super::Findings;

/// More than this is worth a look, s: the header is up to one second old when it is written.
const SUSPICIOUS_S: f64 = 1.0;
/// Brokers refuse records that are so far ahead, s.
const REFUSED_S: f64 = 60.0;

pub(super) fn examine(client: Option<&RegistryClient>, findings: &mut Findings<'_>) -> io::Result<()> {
    let Some(client) = client else { return Ok(()) };
    let check = "clock";
    let asked = SystemTime::now();
    let date = client.date();
    let answered = SystemTime::now();
    let time = match date.map(|date| date.and_then(|date| DateTime::parse_from_rfc2822(&date).ok())) {
        Ok(Some(time)) => time.with_timezone(&Utc),
        Ok(None) => return findings.warning(check, "cannot be measured: the registry's answers have no Date", "look at NTP yourself"),
        Err(error) => return findings.warning(check, &format!("cannot be measured: {error}"), "look at NTP yourself"),
    };
    let ahead = ahead_s(time, asked.into(), answered.into());
    let detail = if ahead == 0.0 {
        "this host's agrees with the registry's to the second (its header Date)".to_owned()
    } else {
        let side = if ahead > 0.0 { "ahead of" } else { "behind" };
        format!("this host's is at least {:.1} s {side} the registry's (its header Date, which counts whole seconds)", ahead.abs())
    };
    let mend = "see that both hosts keep their time by NTP: records from ahead are refused, from behind they are late";
    match ahead.abs() {
        skew if skew > REFUSED_S => findings.failure(check, &detail, mend),
        skew if skew > SUSPICIOUS_S => findings.warning(check, &detail, mend),
        _ => findings.ok(check, &detail),
    }
}

/// How far this host's clock is ahead of another's at least, s, which said `time`, cut to its second, between `asked` and `answered`; below 0
/// where it is behind.
fn ahead_s(time: DateTime<Utc>, asked: DateTime<Utc>, answered: DateTime<Utc>) -> f64 {
    let seconds = |time: DateTime<Utc>| time.timestamp_micros() as f64 / 1e6;
    let (earliest, latest) = (seconds(time), seconds(time) + 1.0);
    if seconds(asked) > latest { seconds(asked) - latest } else { (seconds(answered) - earliest).min(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_counts() {
        let at = |ms: i64| DateTime::from_timestamp_millis(1_764_000_000_000 + ms).unwrap();
        // The other says :10, so it is there between 10.0 and 11.0.
        let cases = [
            (10_000, 10_100, 0.0),
            (10_900, 11_300, 0.0),
            (11_000, 11_100, 0.0),
            (9_700, 10_100, 0.0),
            (12_500, 12_600, 1.5),
            (80_000, 80_100, 69.0),
            (5_000, 5_500, -4.5),
        ];
        for (asked, answered, expected) in cases {
            let ahead = ahead_s(at(10_000), at(asked), at(answered));
            assert!((ahead - expected).abs() < 1e-6, "{asked} {answered}: {ahead}, not {expected}");
        }
    }
}
