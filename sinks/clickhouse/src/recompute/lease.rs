//! A lease: a table that only one can make, since a second one of that name is refused. Until when it lasts, and who has it, is its comment.
//! One that has run out, or that its owner has left behind when it was killed, is renamed to a name of its own first, which again only one can
//! do.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::{Client, QueryError};

/// ClickHouse's word for a table that is there already, and for one that is not.
const EXISTS: u32 = 57;
const UNKNOWN: u32 = 60;

/// Held until it is given back, or has run out.
#[derive(Debug)]
pub(super) struct Lease<'c> {
    client: &'c Client,
    name: &'static str,
    /// The table's own identity.
    id: Uuid,
}

/// Takes a lease. None where another has it. Whoever had it under the same name is taken for dead.
pub(super) fn take<'c>(client: &'c Client, name: &'static str, owner: &str, time: Duration) -> Result<Option<Lease<'c>>, QueryError> {
    let owner = plain(owner);
    for _ in 0..2 {
        let id = Uuid::new_v4();
        let make = format!("CREATE TABLE {name} UUID '{id}' (held UInt8) ENGINE = Memory COMMENT '{} {owner}'", now_s() + time.as_secs());
        match client.query(&make) {
            Ok(_) => return Ok(Some(Lease { client, name, id })),
            Err(error) if error.code() == Some(EXISTS) => {}
            Err(error) => return Err(error),
        }
        if holder(client, name)?.is_some_and(|holder| holder != owner) {
            return Ok(None);
        }
        // It has run out, is ours, or is gone since.
        put_aside(client, name)?;
    }
    Ok(None)
}

/// Gives back what `owner` left behind when it was killed.
pub(super) fn clear(client: &Client, name: &str, owner: &str) -> Result<(), QueryError> {
    if holder(client, name)? == Some(plain(owner)) { put_aside(client, name) } else { Ok(()) }
}

fn put_aside(client: &Client, name: &str) -> Result<(), QueryError> {
    let aside = format!("{name}_{}", Uuid::new_v4().simple());
    match client.query(&format!("RENAME TABLE {name} TO {aside}")) {
        Ok(_) => client.query(&format!("DROP TABLE IF EXISTS {aside} SYNC")).map(drop),
        Err(error) if error.code() == Some(UNKNOWN) => Ok(()),
        Err(error) => Err(error),
    }
}

/// An owner's name as it stands in a comment.
fn plain(owner: &str) -> String {
    owner.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
}

/// Who has it now.
pub(super) fn holder(client: &Client, name: &str) -> Result<Option<String>, QueryError> {
    let rows = client.rows(&format!("SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = '{name}'"))?;
    let comment = rows.first().and_then(|row| row.first()).and_then(|comment| comment.split_once(' '));
    let lasting = comment.filter(|(until_s, _)| until_s.parse::<u64>().is_ok_and(|until_s| until_s > now_s()));
    Ok(lasting.map(|(_, holder)| holder.to_owned()))
}

impl Lease<'_> {
    /// Whether it is still ours: it may have run out, and another have it.
    pub(super) fn is_ours(&self) -> Result<bool, QueryError> {
        let (name, id) = (self.name, self.id);
        let found = self.client.query(&format!(
            "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = '{name}' AND uuid = '{id}'"
        ))?;
        Ok(found.trim_ascii() == b"1")
    }

    /// Refused where it is not ours any more.
    pub(super) fn check(&self) -> Result<(), QueryError> {
        if self.is_ours()? { Ok(()) } else { Err(QueryError::NoAnswer(format!("{} is another's by now", self.name))) }
    }

    /// Gives it back.
    pub(super) fn give_back(self) -> Result<(), QueryError> {
        if self.is_ours()? {
            self.client.query(&format!("DROP TABLE IF EXISTS {} SYNC", self.name))?;
        }
        Ok(())
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
