use expect_test::expect;
use schemas::{EndedBy, Outcome, PlaybackSession};
use serving::{HistoryKind, HistoryPage, PageToken, SessionRow, history_kind};

fn session(session_id: &'static str, opened_at: i64) -> PlaybackSession<'static> {
    PlaybackSession {
        session_id,
        version: 1537,
        opened_at,
        event_count: 3,
        is_final: true,
        ended_by: EndedBy::End,
        profile_id: Some("p"),
        title_id: "t",
        started_at: opened_at,
        ended_at: opened_at + 600_000_000,
        last_position_ms: Some(600_000),
        media_ms: 600_000,
        playing_ms: 600_000,
        outcome: Some(Outcome::Played),
        ..PlaybackSession::default()
    }
}

#[test]
fn sessions_below_two_minutes_or_flagged_lie_apart() {
    let full = session("s", 0);
    let cases = [
        (full.clone(), HistoryKind::FullPlays),
        (PlaybackSession { media_ms: 119_999, ..full.clone() }, HistoryKind::Previews),
        (PlaybackSession { preview: true, ..full }, HistoryKind::Previews),
    ];
    for (record, kind) in cases {
        assert_eq!(history_kind(&record), kind, "{record:?}");
    }
}

#[test]
fn a_row_is_shown_with_the_names_of_its_schema() {
    expect![[r#"{"session_id":"s","version":1537,"opened_at":"1970-01-01T00:00:01.000000Z","event_count":3,"final":true,"ended_by":"end","profile_id":"p","account_id":null,"title_id":"t","episode_id":null,"preview":false,"started_at":"1970-01-01T00:00:01.000000Z","ended_at":"1970-01-01T00:10:01.000000Z","last_position_ms":600000,"runtime_ms":null,"media_ms":600000,"playing_ms":600000,"completed":false,"outcome":"played","device_id":null,"device_type":null,"country":null,"region":null,"player":null,"app_version":null}"#]]
    .assert_eq(&serde_json::to_string(&SessionRow::from(&session("s", 1_000_000))).unwrap());
}

/// The names and their order are those of the Avro schema.
#[test]
fn a_row_has_every_field_of_its_schema() {
    let schema = schemas::Schema::parse(<PlaybackSession<'_> as schemas::Record>::SCHEMA).unwrap();
    let shown = serde_json::to_value(SessionRow::from(&session("s", 1_000_000))).unwrap();
    let shown: Vec<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(shown, schema.field_names().collect::<Vec<_>>());
}

#[test]
fn a_page_names_the_next_one_only_where_more_follows() {
    let rows = |count: i64| (0..count).map(|number| SessionRow::from(&session("s/1", number))).collect::<Vec<_>>();
    assert_eq!(HistoryPage::of(rows(2), 2).next_page_token, None);
    assert_eq!(HistoryPage::of(rows(0), 2).next_page_token, None);
    let page = HistoryPage::of(rows(3), 2);
    assert_eq!(page.rows.len(), 2);
    let token = page.next_page_token.unwrap();
    assert_eq!(token, PageToken { opened_at: 1, session_id: "s/1".into() });
    assert_eq!(token.to_string().parse::<PageToken>(), Ok(token));
    for bad in ["", "1", "x/s", "/", "9223372036854775808/s"] {
        assert!(bad.parse::<PageToken>().is_err(), "{bad}");
    }
}
