use expect_test::expect;
use serving::{ResumeRow, resume_list};

use crate::row;

#[test]
fn a_short_view_is_a_preview_only_while_the_content_has_no_full_view() {
    // (flag, media of the latest view, has a full view) -> preview
    let cases = [
        (false, Some(600_000), true, false),
        (false, Some(20_000), true, false),
        (false, Some(20_000), false, true),
        (false, None, true, false),
        (false, None, false, true),
        (true, Some(600_000), false, true),
        (true, Some(20_000), true, true),
    ];
    for (flag, media_ms, has_full_view, preview) in cases {
        let mut row: ResumeRow = row("t", 1_000_000_000);
        row.latest.preview = flag;
        row.latest.media_ms = media_ms;
        row.last_full_view_at = has_full_view.then_some(500_000_000);
        assert_eq!(row.is_preview(), preview, "flag {flag}, media {media_ms:?}, full view {has_full_view}");
    }
}

#[test]
fn the_list_is_newest_first_with_times_as_text() {
    let mut preview = row("b", 2_000_000_123);
    preview.last_full_view_at = None;
    preview.latest.media_ms = Some(5_000);
    let list = resume_list(vec![row("a", 1_000_000_000), preview, row("c", 1_000_000_000)]);
    expect![[r#"
        [
          {
            "profile_id": "p",
            "title_id": "b",
            "episode_id": null,
            "position_ms": 600000,
            "runtime_ms": null,
            "completed": false,
            "preview": true,
            "updated_at": "1970-01-01T00:33:20.000123Z",
            "last_full_view_at": null
          },
          {
            "profile_id": "p",
            "title_id": "a",
            "episode_id": null,
            "position_ms": 600000,
            "runtime_ms": null,
            "completed": false,
            "preview": false,
            "updated_at": "1970-01-01T00:16:40.000000Z",
            "last_full_view_at": "1970-01-01T00:16:40.000000Z"
          },
          {
            "profile_id": "p",
            "title_id": "c",
            "episode_id": null,
            "position_ms": 600000,
            "runtime_ms": null,
            "completed": false,
            "preview": false,
            "updated_at": "1970-01-01T00:16:40.000000Z",
            "last_full_view_at": "1970-01-01T00:16:40.000000Z"
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&list).unwrap());
}
