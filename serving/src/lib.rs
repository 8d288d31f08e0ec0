//! What readers see: resume positions, Continue Watching and history, as pure rules over rows, and the trait of the stores that hold them.
//!
//! The rules are the same whichever store answers: a store hands out rows ([`ServingStore`]), this crate says what they mean.

mod continue_watching;
mod history;
mod resume;
mod session;
mod store;
mod time;

pub use continue_watching::{CONTINUE_WATCHING_FROM_MS, continue_watching};
pub use history::{BadPageToken, HistoryKind, HistoryPage, HistoryQuery, PageToken};
pub use resume::{ResumeEntry, ResumeRow, View, resume_list};
pub use session::{SessionRow, history_kind};
pub use store::{ServingStore, StoreError};
pub use time::rfc3339;
