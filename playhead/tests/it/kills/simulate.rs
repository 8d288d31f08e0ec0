use super::command::Killed;
use super::survives;

/// Enough records for several transactions.
const SESSIONS: &str = "300";

#[test]
fn a_simulation_killed_at_any_moment_goes_on_as_if_nothing_had_been() {
    let rates = ["--duplicates", "5%", "--disorder", "10%", "--late", "2%", "--lost", "1%", "--poison", "1%"];
    let args = [&["simulate", "--sessions", SESSIONS, "--start", "2026-01-05T00:00:00Z"], &rates[..]].concat();
    survives(&Killed::new(&args, &["audit", "--truth"]), 2);
}
