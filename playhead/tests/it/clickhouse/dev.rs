//! The engine that `playhead dev` brings along.

use serde_json::{Value, json};

use crate::dev_server::{Dev, session};
use crate::support::Folder;

fn dev(folder: &Folder, setting: (&str, &str)) -> Dev {
    let mut command = folder.command(&["dev", "--listen", "127.0.0.1:0", "--json"]);
    command.env("PLAYHEAD_DEV_CLICKHOUSE_LISTEN", "127.0.0.1:0").env("PLAYHEAD_CLICKHOUSE_FLUSH_INTERVAL", "10ms");
    Dev::of(command.env(setting.0, setting.1))
}

#[test]
fn dev_has_minutes_from_an_engine_of_its_own_also_after_a_restart() {
    let folder = Folder::new();
    let first = dev(&folder, ("PLAYHEAD_LOG_LEVEL", "error"));
    first.accepted(&session("s1"));
    // One table is filled after the other.
    let minutes = |dev: &Dev, startups: u64| {
        let of = |minutes: &Value, key: &str| -> u64 {
            minutes.as_array().into_iter().flatten().filter_map(|minute| minute[key].as_u64()).sum()
        };
        let all = dev.until("/minutes", |minutes| of(minutes, "startups") >= startups && of(minutes, "plays") > 0);
        assert_eq!(of(&all, "startups"), startups, "{all}");
    };
    minutes(&first, 1);
    let (code, said, _) = first.end_by("-TERM");
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let second = dev(&folder, ("PLAYHEAD_LOG_LEVEL", "error"));
    second.accepted(&session("s2"));
    minutes(&second, 2);
    assert_eq!(second.end_by("-TERM").0, Some(0));
}

#[test]
fn without_the_library_dev_goes_on_without_metrics() {
    let folder = Folder::new();
    let dev = dev(&folder, ("PLAYHEAD_CLICKHOUSE_LIBRARY", "nowhere.so"));
    dev.accepted(&session("s1"));
    dev.until("/sessions", |sessions| sessions["sessions"][0]["session_id"] == "s1");
    assert_eq!(dev.get("/minutes").json(), json!(null));
    assert_eq!(dev.end_by("-TERM").0, Some(0));
}
