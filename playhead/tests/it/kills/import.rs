use super::command::Killed;
use super::survives;
use crate::support::{RECEIVED, testdata};

#[test]
fn an_import_killed_at_any_moment_goes_on_as_if_nothing_had_been() {
    let file = testdata("viewing-activity/viewing_activity.csv.gz");
    survives(&Killed::new(&["import", "viewing-activity", &file, "--received-time", RECEIVED], &["audit"]), 1);
}
