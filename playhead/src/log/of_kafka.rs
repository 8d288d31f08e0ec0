//! What librdkafka says of its connections, so that it can be read. Of a broker that is away it repeats itself thirty times a second, and what is
//! wrong stands in one line of a hundred. Here each thing is said when it begins, and again every half a minute while it lasts.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// What goes on is said again so often.
const AGAIN: Duration = Duration::from_secs(30);
/// What was not heard of for so long is over, where the cluster answers.
const OVER: Duration = Duration::from_secs(3);
/// Things told apart. Beyond that it begins anew: nobody's memory is to grow by what a broker says.
const KEPT: usize = 100;

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct OfKafka {
    /// By what was said, without what differs from time to time.
    told: BTreeMap<String, Told>,
    /// What kept connections from coming about, oldest first.
    causes: Vec<Said>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    heard: Instant,
    /// How often it was heard since.
    left_out: u64,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// `HOST:PORT`, where it is of a connection.
    pub(crate) broker: Option<String>,
    pub(crate) what: String,
    /// How often it was left out since it was last told.
    pub(super) left_out: u64,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(broker) = &self.broker {
            write!(f, "{broker}: ")?;
        }
        f.write_str(&self.what)?;
        match self.left_out {
            0 => Ok(()),
            1 => f.write_str(" (still: heard once more since it was last told)"),
            times => write!(f, " (still: heard {times} times since it was last told)"),
        }
    }
}

impl OfKafka {
    /// Takes a line, and gives what is to be told of it, if anything.
    pub(super) fn hear(&mut self, line: &str, now: Instant) -> Option<Said> {
        let said = parse(line)?;
        if said.broker.is_some() && !self.causes.contains(&said) {
            if self.causes.len() >= KEPT {
                self.causes.clear();
            }
            self.causes.push(said.clone());
        }
        let key: String = said.to_string().chars().filter(|c| !c.is_ascii_digit() || said.broker.is_some()).collect();
        if self.told.len() >= KEPT && !self.told.contains_key(&key) {
            self.told.clear();
        }
        match self.told.get_mut(&key) {
            None => {
                self.told.insert(key, Told { at: now, heard: now, left_out: 0 });
                Some(said)
            }
            Some(told) if now.saturating_duration_since(told.at) < AGAIN => {
                told.left_out += 1;
                told.heard = now;
                None
            }
            Some(told) => {
                let left_out = std::mem::replace(told, Told { at: now, heard: now, left_out: 0 }).left_out;
                Some(Said { left_out, ..said })
            }
        }
    }

    /// What kept connections from coming about, since the cluster last answered.
    pub(super) fn causes(&self) -> &[Said] {
        &self.causes
    }

    /// The cluster has answered. What was not heard of for a while is over, and news when it begins again; a broker may still be away.
    pub(super) fn answered(&mut self, now: Instant) {
        self.causes.clear();
        self.told.retain(|_, told| now.saturating_duration_since(told.heard) < OVER);
    }
}

/// `FAIL: [thrd:ssl://a:1/bootstrap]: ssl://a:1/bootstrap: Connect to ipv4#10.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT, 2
/// identical error(s) suppressed)` says that `a:1` refuses the connection.
fn parse(line: &str) -> Option<Said> {
    // Says of no broker what keeps it, and of which there are most.
    if line.ends_with("brokers are down") {
        return None;
    }
    let unplaced = |text: &str| Some(Said { broker: None, what: text.to_owned(), left_out: 0 });
    let Some((facility, rest)) = line.split_once(": [thrd:").and_then(|(facility, rest)| Some((facility, rest.split_once("]: ")?.1)))
    else {
        return unplaced(line);
    };
    let (what, state) = match rest.rsplit_once(" (after ") {
        Some((what, state)) if state.contains("in state") => (what, state),
        _ => (rest, ""),
    };
    if !matches!(facility, "FAIL" | "ERROR") {
        return unplaced(&format!("{facility}: {what}"));
    }
    // One that is idle is closed by the broker, and opened again.
    if state.contains("in state UP") && what.contains("Disconnected") {
        return None;
    }
    // A consumer's own name, `playhead#consumer-2`, or what the broker is to it.
    let is_before_the_name = |text: &str| text.contains('#') || text.ends_with("Coordinator");
    let what = what.split_once(": ").filter(|(before, _)| is_before_the_name(before)).map_or(what, |(_, rest)| rest);
    let Some((name, what)) = what.split_once(": ") else { return unplaced(what) };
    let address = name.rsplit("://").next().unwrap_or(name).split('/').next().unwrap_or(name);
    // The address that the name stands for is none that anybody has written.
    let what = match what.strip_prefix("Connect to ").and_then(|rest| rest.split_once(" failed: ")) {
        Some((_, why)) => why,
        None => what,
    };
    Some(Said { broker: Some(address.to_owned()), what: what.to_owned(), left_out: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "FAIL: [thrd:127.0.0.1:1/bootstrap]: 127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused \
                           (after 0ms in state CONNECT, 555 identical error(s) suppressed)";

    #[test]
    fn lines_are_cut_down_to_what_they_say() {
        let said = |line: &str| parse(line).map(|said| said.to_string());
        assert_eq!(said(REFUSED).as_deref(), Some("127.0.0.1:1: Connection refused"));
        for before in ["playhead#consumer-2", "GroupCoordinator"] {
            assert_eq!(said(&REFUSED.replace("]: ", &format!("]: {before}: "))), said(REFUSED));
        }
        assert_eq!(
            said(&REFUSED.replace("FAIL", "ERROR").replace(" (after 0ms in state CONNECT, 555 identical error(s) suppressed)", "")),
            said(REFUSED)
        );
        let tls = "FAIL: [thrd:ssl://kafka:9092/bootstrap]: ssl://kafka:9092/bootstrap: SSL handshake failed: Disconnected: SSL connection \
                   closed by peer: connecting to a PLAINTEXT broker listener? (after 5ms in state SSL_HANDSHAKE)";
        assert_eq!(
            said(tls).as_deref(),
            Some(
                "kafka:9092: SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT broker listener?"
            )
        );
        let idle = "FAIL: [thrd:kafka:9092/1]: kafka:9092/1: Disconnected (after 600000ms in state UP)";
        for nothing in ["ERROR: [thrd:127.0.0.1:1/bootstrap]: 1/1 brokers are down", idle] {
            assert_eq!(said(nothing), None, "{nothing}");
        }
        let other = "MAXPOLL: [thrd:main]: Application maximum poll interval (300000ms) exceeded by 255ms";
        assert_eq!(said(other).as_deref(), Some("MAXPOLL: Application maximum poll interval (300000ms) exceeded by 255ms"));
        assert_eq!(said("playback_events: gone").as_deref(), Some("playback_events: gone"));
    }

    #[test]
    fn what_goes_on_is_told_when_it_begins_and_twice_a_minute() {
        let mut heard = OfKafka::default();
        let start = Instant::now();
        let told: Vec<String> = (0..60 * 30)
            .filter_map(|number| heard.hear(REFUSED, start + Duration::from_millis(number * 33)))
            .map(|said| said.to_string())
            .collect();
        assert_eq!(
            told,
            ["127.0.0.1:1: Connection refused", "127.0.0.1:1: Connection refused (still: heard 909 times since it was last told)"]
        );
        assert!(heard.hear(&REFUSED.replace("refused", "reset"), start).is_some(), "another cause is news");
        assert_eq!(heard.causes().iter().map(|said| said.what.as_str()).collect::<Vec<_>>(), ["Connection refused", "Connection reset"]);
        heard.answered(start + Duration::from_secs(59));
        assert_eq!(heard.hear(REFUSED, start + Duration::from_secs(59)), None, "one broker of several is away");
        assert_eq!(heard.causes().len(), 1);
        heard.answered(start + Duration::from_secs(63));
        let again = heard.hear(REFUSED, start + Duration::from_secs(64)).map(|said| said.left_out);
        assert_eq!(again, Some(0), "it was there meanwhile, and this is news");
        // What differs in figures alone is the same.
        assert!(heard.hear("slow by 7 ms", start).is_some() && heard.hear("slow by 9 ms", start).is_none());
    }
}
