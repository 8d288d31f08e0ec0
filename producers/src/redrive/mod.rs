//! Redrive: refused records are taken from `dead_letters` and written to their topics again, as they came.
//!
//! Each record goes back with its own bytes, key, timestamp and headers, to the partition in which it stood, with one header more that names
//! the letter ([`schemas::redrive`]). In the same transaction `ledger` gets a mark for the letter, and one for the event where the bytes are
//! one; what is marked is passed over. So a redrive may be cut off anywhere, and run again whenever: every record goes back once.
//!
//! | mark | id | source |
//! |---|---|---|
//! | a letter was redriven | the letter's id | `redrive` |
//! | an event was redriven | the event's id | `redrive <the letter's id>` |
//!
//! A record that is refused again has another letter, with another id, and so can be redriven again: its header names the letter that it was
//! taken from, which is the one by which its event is marked. Any other letter of that event is a copy.
//!
//! A redrive reads the letters that there are when it begins. What it writes and is refused again waits for the next one.

mod candidate;
mod claim;
mod filter;
mod judge;
mod ledger;
mod letters;
mod original;
mod run;
mod sources;
mod verdict;

pub use filter::{Filter, named_id};
pub use ledger::{Ledger, Mark};
pub use letters::{Letters, Unreadable};
pub use run::{Progress, RedriveError, RedriveOptions, redrive};
pub use sources::{DEAD_LETTERS, LEDGER, Sources};
pub use verdict::{Outcome, Report, Verdict};
