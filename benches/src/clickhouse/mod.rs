//! The ClickHouse sink: CPU a row from encoded records to columns, and to durable rows; and what people look at, over many rows.
//!
//! The server is the one of `PLAYHEAD_CLICKHOUSE_URL`; a database of its own is made there, and dropped.

mod queries;
mod sink;

use std::time::Duration;

use sink_clickhouse::{Client, ClientSettings, migrate};

pub(crate) use queries::run as queries;
pub(crate) use sink::{columns, durable, freshness};

/// A database of a measurement.
pub(crate) struct Database {
    pub(crate) client: Client,
}

impl Database {
    /// Makes it anew, with all tables.
    fn make(name: &str) -> Self {
        let url = std::env::var("PLAYHEAD_CLICKHOUSE_URL").expect("PLAYHEAD_CLICKHOUSE_URL names a ClickHouse server");
        let settings = ClientSettings {
            url,
            user: String::new(),
            password: String::new(),
            database: name.to_owned(),
            timeout: Duration::from_mins(30),
        };
        let client = Client::new(&settings).expect("the address of a ClickHouse server");
        client.query_anywhere(&format!("DROP DATABASE IF EXISTS {name} SYNC")).expect("the server answers");
        migrate(&client).expect("the tables can be made");
        Self { client }
    }

    /// The only figure of an answer.
    fn figure(&self, statement: &str) -> f64 {
        let rows = self.client.rows(statement).expect("the server answers");
        rows[0][0].parse().expect("a figure")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // What can't be dropped is made anew by the next run.
        self.client.query_anywhere(&format!("DROP DATABASE IF EXISTS {} SYNC", self.client.database())).ok();
    }
}
