//! A lease: a table that only one can make, since a second one of that name is refused. Until when it lasts, and who has it, is its comment.
//! One that has run out, or that its owner has left behind when it was killed, is renamed to a name of its own first, which again only one can
//! do.

use std::time::Duration;

use uuid::Uuid;

use crate::{Client, QueryError};

/// ClickHouse's word for a table that is there already, and for one that is not.
const EXISTS: u32 = 57;
const UNKNOWN: u32 = 60;
/// What is left of a lease less than this is taken for nothing, seconds: it may be over before the next statement is.
const MARGIN_S: i64 = 5;

/// Held until it is given back, or has run out. All times are the server's: those who hold and those who wait may have clocks that differ.
#[derive(Debug)]
pub(super) struct Lease<'c> {
    client: &'c Client,
    name: &'static str,
    owner: String,
    time: Duration,
    /// The table's own identity.
    id: Uuid,
}

/// A lease as the server tells of it.
struct Seen {
    id: String,
    holder: String,
    /// Until it runs out, seconds; negative after that.
    left_s: i64,
}

/// Takes a lease. None where another has it. Whoever had it under the same name is taken for dead.
pub(super) fn take<'c>(client: &'c Client, name: &'static str, owner: &str, time: Duration) -> Result<Option<Lease<'c>>, QueryError> {
    let lease = |id| Lease { client, name, owner: plain(owner), time, id };
    for _ in 0..2 {
        let lease = lease(Uuid::new_v4());
        let make = format!("CREATE TABLE {name} UUID '{}' (held UInt8) ENGINE = Memory COMMENT '{}'", lease.id, lease.comment()?);
        match client.query(&make) {
            Ok(_) => return Ok(Some(lease)),
            Err(error) if error.code() == Some(EXISTS) => {}
            Err(error) => return Err(error),
        }
        let Some(seen) = see(client, name)? else { continue };
        if seen.left_s > 0 && seen.holder != lease.owner {
            return Ok(None);
        }
        put_aside(client, name, &seen.id)?;
    }
    Ok(None)
}

/// Gives back what `owner` left behind when it was killed.
pub(super) fn clear(client: &Client, name: &str, owner: &str) -> Result<(), QueryError> {
    match see(client, name)? {
        Some(seen) if seen.left_s > 0 && seen.holder == plain(owner) => put_aside(client, name, &seen.id),
        _ => Ok(()),
    }
}

/// Puts the lease with this identity aside. A statement knows tables by their names only, so one that another has put there meanwhile is put back.
fn put_aside(client: &Client, name: &str, id: &str) -> Result<(), QueryError> {
    let aside = format!("{name}_{}", Uuid::new_v4().simple());
    match client.query(&format!("RENAME TABLE {name} TO {aside}")) {
        Ok(_) => {}
        Err(error) if error.code() == Some(UNKNOWN) => return Ok(()),
        Err(error) => return Err(error),
    }
    if see(client, &aside)?.is_some_and(|seen| seen.id != id) {
        match client.query(&format!("RENAME TABLE {aside} TO {name}")) {
            // A third has taken it: whose it was finds that it has lost it.
            Err(error) if error.code() == Some(EXISTS) => {}
            renamed => return renamed.map(drop),
        }
    }
    client.query(&format!("DROP TABLE IF EXISTS {aside} SYNC")).map(drop)
}

/// An owner's name as it stands in a comment.
fn plain(owner: &str) -> String {
    owner.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
}

fn see(client: &Client, name: &str) -> Result<Option<Seen>, QueryError> {
    let rows = client.rows(&format!(
        "SELECT toString(uuid), toInt64(toUnixTimestamp(now())), comment FROM system.tables WHERE database = currentDatabase() AND name = '{name}'"
    ))?;
    let seen = |row: Vec<String>| {
        let [id, now_s, comment] = <[String; 3]>::try_from(row).ok()?;
        let (until_s, holder) = comment.split_once(' ').unwrap_or(("0", ""));
        let left_s = until_s.parse::<i64>().unwrap_or(0) - now_s.parse::<i64>().ok()?;
        Some(Seen { id, holder: holder.to_owned(), left_s })
    };
    Ok(rows.into_iter().next().and_then(seen))
}

/// Who has it now.
pub(super) fn holder(client: &Client, name: &str) -> Result<Option<String>, QueryError> {
    Ok(see(client, name)?.filter(|seen| seen.left_s > 0).map(|seen| seen.holder))
}

impl Lease<'_> {
    /// The table's own identity, as a part of names.
    pub(super) fn id(&self) -> String {
        self.id.simple().to_string()
    }

    /// Refused where it is not ours any more: it may have run out, and another have it. It is renewed once half of it is over.
    pub(super) fn keep(&self) -> Result<(), QueryError> {
        let left_s = see(self.client, self.name)?.filter(|seen| self.is(seen)).map_or(0, |seen| seen.left_s);
        if left_s <= MARGIN_S {
            return Err(QueryError::NoAnswer(format!("{} is another's by now", self.name)));
        }
        if left_s < self.time.as_secs().cast_signed() / 2 {
            self.client.query(&format!("ALTER TABLE {} MODIFY COMMENT '{}'", self.name, self.comment()?))?;
        }
        Ok(())
    }

    /// Gives it back.
    pub(super) fn give_back(self) -> Result<(), QueryError> {
        if see(self.client, self.name)?.is_some_and(|seen| self.is(&seen)) {
            self.client.query(&format!("DROP TABLE IF EXISTS {} SYNC", self.name))?;
        }
        Ok(())
    }

    fn is(&self, seen: &Seen) -> bool {
        seen.id == self.id.to_string()
    }

    /// What its table says of it from now on.
    fn comment(&self) -> Result<String, QueryError> {
        let rows = self.client.rows(&format!("SELECT toUnixTimestamp(now()) + {}", self.time.as_secs()))?;
        let until_s = rows.into_iter().flatten().next().ok_or_else(|| QueryError::NoAnswer("no time".to_owned()))?;
        Ok(format!("{until_s} {}", self.owner))
    }
}

#[cfg(test)]
mod tests;
