//! ClickHouse behind the sink trait.
//!
//! One flush inserts one block of one exact range of offsets for each partition. The range is the intent, committed before the insert; the
//! block's token is made of it, so a block that is sent again is left out, and with it what its materialized views would count. Where an
//! answer is missing nobody knows what is there: a server that is killed can keep a token without its rows. So the range is read again, sent
//! again under its token, and then held to what the table has; what is missing comes under a token of its own, and the hours of the tables by
//! minute that it touches are marked to be looked after ([`Recomputer`]).
//!
//! Tables, views and dictionaries are the files in `migrations/`, applied by [`migrate`].

pub mod books;
mod client;
mod drift;
mod intent;
mod migrate;
mod native;
mod queries;
mod recompute;
mod settle;
mod sink;
mod store;
mod tables;

pub use client::{Client, ClientSettings, QueryError, SettingsError};
pub use migrate::{MIGRATIONS, Migration, MigrationError, check, migrate};
pub use queries::{QUERIES, Query};
pub use recompute::{Recomputed, Recomputer};
pub use sink::ClickHouseSink;
pub use store::{Heard, Insert, Mark, Span, Store};
pub use tables::INPUTS;
