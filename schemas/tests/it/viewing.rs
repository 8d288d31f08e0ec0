use schemas::{ResumeState, ViewRank, ViewingProgress, is_full_view};

#[test]
fn a_full_view_has_two_minutes_of_media_and_no_flag() {
    let cases = [
        (false, Some(120_000), true),
        (false, Some(119_999), false),
        (true, Some(120_000), false),
        (false, None, false),
        (true, None, false),
    ];
    for (preview, media_ms, full) in cases {
        assert_eq!(is_full_view(preview, media_ms), full, "preview {preview}, media {media_ms:?}");
    }
}

#[test]
fn the_rank_is_end_then_sequence_then_position_then_session() {
    let rising = [
        (1, Some(9), 9, "z"),
        (2, None, 9, "z"),
        (2, Some(1), 9, "z"),
        (2, Some(2), 1, "z"),
        (2, Some(2), 2, "a"),
        (2, Some(2), 2, "b"),
        (3, None, 0, "a"),
    ];
    let ranks = rising.map(|(end, sequence, position_ms, session_id)| {
        let progress = ViewingProgress { at: end, sequence, position_ms, session_id, ..ViewingProgress::default() };
        let resume = ResumeState { updated_at: end, sequence, position_ms, session_id, ..ResumeState::default() };
        // What is said of a view has the rank of the view.
        assert_eq!(ViewRank::from(&progress), ViewRank::from(&resume));
        ViewRank::from(&resume)
    });
    assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
}
