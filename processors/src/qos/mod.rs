//! Quality of service: from a session's distinct events to its summary.
//!
//! [`fold()`] is one pure function over the sorted events of a session. It cuts the time from the first to the last event into
//! [`Label`]s whose durations always add up to that span, so any order of arrival, duplication or batching gives the same summary.
//! The steps, in the order in which they run:
//!
//! | step | file | what it finds |
//! |---|---|---|
//! | order | `order.rs` | the fold's order of events |
//! | what opens and closes | `opened.rs`, `stalls.rs`, `moving_position.rs` | intervals of pauses, seeks, stalls, ad breaks, background, ends |
//! | stalls by where they begin | `stall_parts.rs` | rebuffering, caused by a seek, in an ad; shown or too short |
//! | labels | `labels.rs` | the first label that holds, instant by instant |
//! | proof | `timeline.rs`, `proof.rs` | playing time that positions, the client's watch time or silence confirm or deny |
//! | figures | `startup.rs`, `tally.rs`, `totals.rs`, `ratios.rs` | what the summary says |
//!
//! All arithmetic is in integers: times are microseconds since the session's first event, rates are thousandths, and divisions are
//! rounded down as late as possible.

mod cdn;
mod end_tracker;
mod event;
mod fold;
pub mod fuzz;
mod intervals;
mod labels;
mod moving_position;
mod opened;
mod order;
mod outcome;
mod proof;
mod ratios;
mod sequence;
mod stall_parts;
mod stalls;
mod startup;
mod summary;
mod tally;
mod timeline;
mod totals;
mod workspace;

pub use end_tracker::EndTracker;
pub use event::{Event, rate_thousandths};
pub use fold::fold;
pub use labels::Label;
pub use order::sort;
pub use outcome::Closing;
pub use summary::{Durations, Summary};
pub use workspace::Workspace;

/// Revision of the folding rules, the last byte of a summary's version. It grows whenever the same events would give other figures.
pub const FOLD_REVISION: u8 = 1;
