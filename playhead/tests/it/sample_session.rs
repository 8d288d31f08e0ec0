//! The sample session of the documentation, as it is shown.

use expect_test::expect;

use crate::support::{Folder, testdata};

fn ingested() -> Folder {
    let folder = Folder::new();
    folder.well(&["ingest", &testdata("sample-session.ndjson"), "--received-time", "2024-05-04T20:04:00Z"]);
    folder
}

#[test]
fn is_shown_with_its_figures_and_its_timeline() {
    expect![[r#"
        session sample-session
          content   sample-series / sample-s01e02
          profile   viewer-1
          opened    2024-05-04 20:00:00 UTC
          from      2024-05-04 20:00:00 UTC
          to        2024-05-04 20:03:30 UTC
          outcome   played, ended by end
          position  0:11:45
          watched   0:02:38
          device    tv
          country   NL
          events    32 (version 16641)

        QUALITY OF SERVICE
        startup                             1.740 s
        playing                           133.300 s
        paused                             30.000 s
        seeking                             1.200 s
        stalled by seeks                    0.800 s
        rebuffering                         2.400 s
        ads                                30.500 s
        ads, stalled                        0.000 s
        background                         10.000 s
        unknown                             0.000 s
        stalls                                    1
        micro stalls (< 250 ms)                   1
        seeks, pauses, ads                  1, 1, 2
        errors                                    1
        bitrate, mean                   4651 kbit/s
        bitrate, switches              2 up, 1 down
        rebuffer ratio, CTA-2066             1.72 %
        rebuffer ratio, Media3               1.72 %
        rebuffer ratio, Mux                  1.41 %
        rebuffer ratio, without seeks        1.77 %
        lost events, anomalies                 0, 0

                  AT  EVENT            POSITION
        +0:00:00.000  SESSION_START           -
        +0:00:01.800  STARTUP           0:00:00  took 1.740 s, 1500 kbit/s, cdn cdn-a
        +0:00:11.800  HEARTBEAT         0:00:10
        +0:00:12.500  BITRATE_CHANGE    0:00:10  3000 kbit/s
        +0:00:21.800  HEARTBEAT         0:00:20
        +0:00:25.000  BUFFERING_START   0:00:23
        +0:00:27.400  BUFFERING_END     0:00:23  took 2.400 s
        +0:00:28.000  BITRATE_CHANGE    0:00:23  1500 kbit/s
        +0:00:37.400  HEARTBEAT         0:00:33
        +0:00:42.000  PAUSE             0:00:37
        +0:01:12.000  PLAY              0:00:37
        +0:01:22.000  HEARTBEAT         0:00:47
        +0:01:25.000  SEEK_START              -
        +0:01:26.200  SEEK_END          0:10:00  took 1.200 s
        +0:01:26.500  BUFFERING_START   0:10:00
        +0:01:27.300  BUFFERING_END     0:10:00  took 0.800 s
        +0:01:28.000  BITRATE_CHANGE    0:10:01  6000 kbit/s
        +0:01:37.300  HEARTBEAT         0:10:10
        +0:01:45.000  AD_START          0:10:18
        +0:02:00.000  AD_START          0:10:18
        +0:02:15.500  AD_END            0:10:18
        +0:02:25.500  HEARTBEAT         0:10:28
        +0:02:30.000  RATE_CHANGE       0:10:32  rate 1.5
        +0:02:40.000  HEARTBEAT         0:10:47
        +0:02:43.000  ERROR             0:10:52  segment_404
        +0:02:44.000  BUFFERING_START   0:10:53
        +0:02:44.200  BUFFERING_END     0:10:53  took 0.200 s, cdn cdn-b
        +0:02:54.200  HEARTBEAT         0:11:08
        +0:03:00.000  BACKGROUND        0:11:17
        +0:03:10.000  FOREGROUND        0:11:17
        +0:03:11.000  PLAY              0:11:17
        +0:03:30.000  END               0:11:45
    "#]]
    .assert_eq(&ingested().well(&["session", "sample-session"]));
}

#[test]
fn stands_in_every_list() {
    let folder = ingested();
    expect![[r#"
        TITLE          EPISODE        POSITION  RUNTIME  DONE  PREVIEW  VIEWED (UTC)
        sample-series  sample-s01e02   0:11:45  0:45:00                 2024-05-04 20:03
    "#]]
    .assert_eq(&folder.well(&["resume", "viewer-1"]));
    expect![[r#"
        TITLE          EPISODE        POSITION  RUNTIME  DONE  PREVIEW  VIEWED (UTC)
        sample-series  sample-s01e02   0:11:45  0:45:00                 2024-05-04 20:03
    "#]]
    .assert_eq(&folder.well(&["continue-watching", "viewer-1"]));
    expect![[r#"
        OPENED (UTC)      TITLE          EPISODE        WATCHED  POSITION  SESSION
        2024-05-04 20:00  sample-series  sample-s01e02  0:02:38   0:11:45  sample-session
    "#]]
    .assert_eq(&folder.well(&["history", "viewer-1"]));
    expect![[r#"
        DEVICE TYPE  COUNTRY  SESSIONS      P50      P95  REBUFFER  EXITS  START  PLAY
        tv           NL              1  1.740 s  1.740 s    1.72 %      0      0     0

        P50, P95: time to the first picture.  REBUFFER: ratio of CTA-2066.
        EXITS before the start; failures to START and to PLAY on.
    "#]]
    .assert_eq(&folder.well(&["qos"]));
    for args in [["resume", "nobody"], ["continue-watching", "nobody"], ["history", "nobody"]] {
        let said = folder.run(&args);
        assert_eq!((said.code, said.out.as_str()), (1, "nothing for profile nobody; 1 profile with views:\n  viewer-1\n"), "{args:?}");
    }
    let said = folder.run(&["session", "nothing"]);
    assert_eq!((said.code, said.err.as_str(), said.out.lines().count()), (1, "", 1), "{}", said.out);
    assert!(said.out.contains("nothing") && said.out.contains("history"), "{}", said.out);
    let said = folder.well(&["history", "viewer-1", "--from", "2025-01-01"]);
    assert_eq!(said, "no sessions in this range\n");
    assert_eq!(
        folder.well(&["history", "viewer-1", "--previews"]),
        "profile viewer-1 has only full plays: leave out --previews to see them\n"
    );
    expect![[r#"
        resume_state-2 1 2024-05-04T20:04:00.000000Z viewer-1/sample-s01e02 {"profile_id":"viewer-1","title_id":"sample-series","episode_id":"sample-s01e02","session_id":"sample-session","opened_at":"2024-05-04T20:00:00.000000Z","sequence":1,"position_ms":0,"runtime_ms":2700000,"completed":false,"updated_at":"2024-05-04T20:00:01.800000Z","device_type":"tv","preview":false}
        resume_state-2 2 2024-05-04T20:04:00.000000Z viewer-1/sample-s01e02 {"profile_id":"viewer-1","title_id":"sample-series","episode_id":"sample-s01e02","session_id":"sample-session","opened_at":"2024-05-04T20:00:00.000000Z","sequence":9,"position_ms":37800,"runtime_ms":2700000,"completed":false,"updated_at":"2024-05-04T20:00:42.000000Z","device_type":"tv","preview":false}
        resume_state-2 3 2024-05-04T20:04:00.000000Z viewer-1/sample-s01e02 {"profile_id":"viewer-1","title_id":"sample-series","episode_id":"sample-s01e02","session_id":"sample-session","opened_at":"2024-05-04T20:00:00.000000Z","sequence":13,"position_ms":600000,"runtime_ms":2700000,"completed":false,"updated_at":"2024-05-04T20:01:26.200000Z","device_type":"tv","preview":false}
        resume_state-2 4 2024-05-04T20:04:00.000000Z viewer-1/sample-s01e02 {"profile_id":"viewer-1","title_id":"sample-series","episode_id":"sample-s01e02","session_id":"sample-session","opened_at":"2024-05-04T20:00:00.000000Z","sequence":31,"position_ms":705700,"runtime_ms":2700000,"media_ms":158300,"completed":false,"updated_at":"2024-05-04T20:03:30.000000Z","device_type":"tv","preview":false}
        resume_state-2 5 2024-05-04T20:04:00.000000Z viewer-1/sample-s01e02/full {"profile_id":"viewer-1","title_id":"sample-series","episode_id":"sample-s01e02","session_id":"sample-session","opened_at":"2024-05-04T20:00:00.000000Z","sequence":31,"position_ms":705700,"runtime_ms":2700000,"media_ms":158300,"completed":false,"updated_at":"2024-05-04T20:03:30.000000Z","device_type":"tv","preview":false}
    "#]].assert_eq(&folder.well(&["read", "resume_state", "--limit", "40"]));
}
