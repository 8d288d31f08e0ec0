//! What a supervisor is told: whether a process is to be ended and started again (`/healthz`), and whether it does its work (`/readyz`).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Watch;
use super::lane::{End, LaneWatch, Seen};

/// A lane that gives no sign for so long is stuck. Far beyond what one step of it takes: a transaction that times out and a new producer 40 s,
/// a large saved state from a slow store minutes. After as long the group gives it up too (`max.poll.interval.ms`).
const STUCK: Duration = Duration::from_mins(5);

/// Something that keeps the process from being well, or ready.
#[derive(Debug)]
struct Problem {
    /// What is concerned, by a name for programs.
    what: &'static str,
    stage: Option<&'static str>,
    lane: Option<u32>,
    detail: String,
}

impl Problem {
    fn of(what: &'static str, lane: &LaneWatch, detail: String) -> Self {
        Self { what, stage: Some(lane.stage), lane: Some(lane.lane), detail }
    }

    fn as_json(&self) -> Value {
        let Self { what, stage, lane, detail } = self;
        match (stage, lane) {
            (Some(stage), Some(lane)) => json!({"what": what, "stage": stage, "lane": lane, "detail": detail}),
            _ => json!({"what": what, "detail": detail}),
        }
    }
}

/// An answer: whether all is well, and what is not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) is_well: bool,
    pub(crate) json: Value,
}

impl Watch {
    /// Whether the process lives and its lanes go on. What only time or others can mend is no reason to end it.
    pub(crate) fn health(&self) -> Verdict {
        let now = Instant::now();
        let problems: Vec<Value> = self.lanes().iter().filter_map(|lane| stuck(lane, now)).map(|problem| problem.as_json()).collect();
        let is_well = problems.is_empty();
        let lanes: Vec<Value> = self.lanes().iter().map(|lane| shown(lane, now)).collect();
        let json = json!({
            "status": if is_well { "ok" } else { "unhealthy" },
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_ms": u64::try_from(self.uptime().as_millis()).unwrap_or(u64::MAX),
            "problems": problems,
            "lanes": lanes,
        });
        Verdict { is_well, json }
    }

    /// Whether the process does its work: its lanes have what is theirs, restored, and nothing is waited for.
    pub(crate) fn readiness(&self) -> Verdict {
        let mut missing: Vec<Problem> = Vec::new();
        if let Some(step) = self.step() {
            missing.push(Problem { what: "start", stage: None, lane: None, detail: step });
        }
        for (what, problem) in [("registry", self.registry.problem()), ("log", self.log.problem())] {
            missing.extend(problem.map(|detail| Problem { what, stage: None, lane: None, detail }));
        }
        for lane in self.lanes() {
            lacking(&lane, &mut missing);
        }
        let is_well = missing.is_empty();
        let missing: Vec<Value> = missing.iter().map(Problem::as_json).collect();
        Verdict { is_well, json: json!({"status": if is_well { "ready" } else { "not_ready" }, "missing": missing}) }
    }
}

/// Why a lane does not go on, if it does not.
fn stuck(lane: &LaneWatch, now: Instant) -> Option<Problem> {
    let seen = lane.seen();
    match &seen.end {
        Some(End::Well) => return None,
        Some(End::Failed(why)) => return Some(Problem::of("lane_ended", lane, why.clone())),
        None => {}
    }
    let silent = now.saturating_duration_since(seen.last_sign);
    (silent > STUCK).then(|| {
        let doing = doing(lane, &seen).unwrap_or_else(|| "it was reading its log".to_owned());
        Problem::of("lane_stuck", lane, format!("no sign of it for {} s; {doing}", silent.as_secs()))
    })
}

/// What a lane is at, where it is not reading its log.
fn doing(lane: &LaneWatch, seen: &Seen) -> Option<String> {
    if let Some(why) = &seen.lost {
        return Some(format!("it starts over after a lost transaction: {why}"));
    }
    if let Some(why) = &seen.store_problem {
        return Some(format!("its store does not take what it is sent: {why}"));
    }
    let restoring = named(lane, seen, |partition| !partition.is_restored);
    if !restoring.is_empty() {
        return Some(format!("it restores {restoring}"));
    }
    if seen.is_given_up {
        return Some("it has lost its partitions, since its group had given it up, and has not joined again".to_owned());
    }
    (!seen.has_joined).then(|| "it has not joined its group yet".to_owned())
}

fn lacking(lane: &LaneWatch, missing: &mut Vec<Problem>) {
    let seen = lane.seen();
    match &seen.end {
        Some(End::Well) => return,
        Some(End::Failed(why)) => return missing.push(Problem::of("lane", lane, why.clone())),
        None => {}
    }
    if let Some(doing) = doing(lane, &seen) {
        let what = if !seen.has_joined || seen.is_given_up {
            "assignment"
        } else if seen.store_problem.is_some() {
            "store"
        } else {
            "state"
        };
        missing.push(Problem::of(what, lane, doing));
    }
    for (&source, partition) in &seen.partitions {
        if let Some((why, _)) = &partition.waiting {
            missing.push(Problem::of("dependency", lane, format!("{}-{}: {why}", lane.topic(source), source.partition)));
        }
    }
}

/// The partitions that a test chooses, as a list of names.
fn named(lane: &LaneWatch, seen: &Seen, choose: impl Fn(&super::lane::Partition) -> bool) -> String {
    let chosen = seen.partitions.iter().filter(|(_, partition)| choose(partition));
    chosen.map(|(source, _)| format!("{}-{}", lane.topic(*source), source.partition)).collect::<Vec<_>>().join(", ")
}

fn shown(lane: &LaneWatch, now: Instant) -> Value {
    let seen = lane.seen();
    let state = match &seen.end {
        Some(End::Well) => "ended",
        Some(End::Failed(_)) => "failed",
        None if seen.lost.is_some() => "starting_over",
        None if !seen.has_joined || seen.is_given_up => "joining",
        None if seen.partitions.values().any(|partition| !partition.is_restored) => "restoring",
        None if seen.store_problem.is_some() || seen.partitions.values().any(|partition| partition.waiting.is_some()) => "waiting",
        None => "running",
    };
    let ms = |then: Instant| u64::try_from(now.saturating_duration_since(then).as_millis()).unwrap_or(u64::MAX);
    json!({
        "stage": lane.stage,
        "lane": lane.lane,
        "state": state,
        "partitions": seen.partitions.len(),
        "since_last_sign_ms": ms(seen.last_sign),
        "since_last_commit_ms": ms(seen.last_commit),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pipeline::{Observer as _, Restored, TopicPartition, Unavailable};

    use super::*;

    const SOURCE: TopicPartition = TopicPartition { topic: 0, partition: 3 };
    const RESTORED: Restored = Restored { next_offset: 5, log_time_ms: None, from_snapshot: None, duration: Duration::ZERO };

    fn watched() -> (Arc<Watch>, Arc<LaneWatch>) {
        let watch = Watch::new().unwrap();
        let lane = watch.lane("playback", 1, &["events"]);
        (watch, lane)
    }

    fn missing(watch: &Watch) -> Vec<String> {
        let verdict = watch.readiness();
        let missing = verdict.json["missing"].as_array().unwrap();
        assert_eq!(verdict.is_well, missing.is_empty());
        missing.iter().map(|problem| format!("{}: {}", problem["what"].as_str().unwrap(), problem["detail"].as_str().unwrap())).collect()
    }

    #[test]
    fn ready_step_by_step() {
        let (watch, lane) = watched();
        watch.starting("topics are asked for");
        assert_eq!(missing(&watch), ["start: topics are asked for", "assignment: it has not joined its group yet"]);
        watch.started();
        lane.assigned(&[]);
        assert_eq!(missing(&watch), Vec::<String>::new(), "nothing is its part, and it is ready to take some");
        lane.assigned(&[SOURCE]);
        assert_eq!(missing(&watch), ["state: it restores events-3"]);
        lane.restored(SOURCE, &RESTORED);
        assert_eq!(missing(&watch), Vec::<String>::new());

        lane.waiting(SOURCE, &Unavailable { what: "schema 7".to_owned(), cause: "refused".to_owned() });
        assert_eq!(missing(&watch), ["dependency: events-3: schema 7 is not available: refused"]);
        assert!(watch.health().is_well, "it waits, and is not to be started again for it");
        lane.available(SOURCE);
        lane.lost_transaction("timed out");
        assert_eq!(missing(&watch), ["state: it starts over after a lost transaction: timed out"]);
        lane.restored(SOURCE, &RESTORED);
        lane.revoked(&[SOURCE], true);
        let given_up = "assignment: it has lost its partitions, since its group had given it up, and has not joined again";
        assert_eq!(missing(&watch), [given_up]);
        lane.turned();
        assert_eq!(missing(&watch), [given_up], "it goes on asking, and that is all");
        lane.assigned(&[]);
        assert_eq!(missing(&watch), Vec::<String>::new(), "others have them");
        lane.assigned(&[SOURCE]);
        lane.revoked(&[SOURCE], false);
        assert_eq!(missing(&watch), Vec::<String>::new(), "handed over, and still a member");
        watch.registry.failed("no route");
        assert_eq!(missing(&watch), ["registry: no route"]);
        watch.registry.reached();
        watch.log.failed("no broker");
        assert_eq!(missing(&watch), ["log: no broker"]);
        watch.log.reached();
        lane.ended(&Err::<(), _>(anyhow::anyhow!("broken")));
        assert_eq!(missing(&watch), ["lane: broken"]);
        assert_eq!(watch.health().json["problems"][0]["what"], "lane_ended");
    }

    #[test]
    fn a_lane_that_gives_no_sign_is_stuck_and_the_answer_says_at_what() {
        let (watch, lane) = watched();
        lane.assigned(&[SOURCE]);
        let at = |seconds| Instant::now() + Duration::from_secs(seconds);
        assert!(stuck(&lane, at(200)).is_none());
        let found = stuck(&lane, at(310)).unwrap();
        assert!(found.detail.ends_with("it restores events-3"), "{found:?}");
        assert_eq!(found.as_json()["stage"], "playback");
        lane.restored(SOURCE, &RESTORED);
        lane.lost_transaction("timed out");
        assert!(stuck(&lane, at(310)).unwrap().detail.contains("timed out"));
        lane.ended(&Ok(()));
        assert!(stuck(&lane, at(310)).is_none(), "it was asked to end");
        assert!(watch.health().is_well);
    }
}
