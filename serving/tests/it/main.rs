//! The read model's rules.

mod continue_watching;
mod history;
mod resume;

use serving::{ResumeRow, View};

/// A view of a film with 10 min of media that ended at `updated_at`.
fn row(title_id: &str, updated_at: i64) -> ResumeRow {
    ResumeRow {
        profile_id: "p".into(),
        latest: View {
            title_id: title_id.into(),
            episode_id: None,
            session_id: format!("s-{title_id}"),
            opened_at: updated_at - 600_000_000,
            position_ms: 600_000,
            runtime_ms: None,
            media_ms: Some(600_000),
            completed: false,
            updated_at,
            device_type: None,
            preview: false,
        },
        last_full_view_at: Some(updated_at),
    }
}
