//! What a request sets before its statement: database, settings, and that it may only read. In a session it is set back afterwards.

use super::execute::{Failure, Job, MAX_RESULT_BYTES, Task};
use crate::Rights;
use crate::engine::{quoted, quoted_identifier};
use crate::exception::{Exception, READONLY, UNKNOWN_SETTING};
use crate::formats::Joining;
use crate::raw::Connection;
use crate::statement::{Kind, QUERY_NAME};

/// The database and the settings of the request. An answer that is fetched whole is bounded by the engine.
pub(super) fn prepare(job: &Job, task: &Task, connection: &mut Connection) -> Result<(), Failure> {
    let parameters = &job.parameters;
    let mut text = String::new();
    if let Some(database) = &parameters.database {
        text.push_str(&format!("USE {}; ", quoted_identifier(database)));
    }
    text.push_str(&format!("SET {QUERY_NAME} = {}", quoted(job.ticket.id.as_bytes())));
    for (name, value) in &parameters.settings {
        // What the query is called is how it is found again.
        if name == QUERY_NAME {
            continue;
        }
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
        if !is_name {
            return Err(Exception::new(UNKNOWN_SETTING, &format!("Unknown setting '{}'", name.escape_debug())).into());
        }
        text.push_str(&format!(", {name} = {}", quoted(value)));
    }
    let is_reading = job.is_get || job.rights == Rights::Read;
    let is_whole = matches!(task, Task::Statement(statement) if statement.kind == Kind::Select && Joining::of(job.format(statement)) == Joining::Whole);
    if is_whole && !parameters.settings.iter().any(|(name, _)| name == "max_result_bytes") {
        text.push_str(&format!(", max_result_bytes = {MAX_RESULT_BYTES}"));
    }
    match parameters.readonly.as_deref() {
        // Exactly these: `00` would be a zero too.
        Some(value @ (b"1" | b"2")) => text.push_str(&format!(", readonly = {}", quoted(value))),
        Some(_) if is_reading => return Err(Exception::new(READONLY, "Cannot modify 'readonly' setting in readonly mode").into()),
        Some(value) => text.push_str(&format!(", readonly = {}", quoted(value))),
        None if is_reading => text.push_str(", readonly = 2"),
        None => {}
    }
    connection.query(text.as_bytes(), "Null", &[])?;
    Ok(())
}

/// What a session has set, before a request's own settings hide it.
pub(super) struct Before {
    statements: Vec<String>,
}

impl Before {
    pub(super) fn of(job: &Job, connection: &mut Connection, changes_database: bool) -> Result<Self, Failure> {
        let mut names: Vec<&str> = job.parameters.settings.iter().map(|(name, _)| name.as_str()).collect();
        names.push("readonly");
        let list: Vec<String> = names.iter().map(|name| quoted(name.as_bytes())).collect();
        let text = format!("SELECT name, hex(value), changed FROM system.settings WHERE name IN ({})", list.join(", "));
        let answer = connection.query(text.as_bytes(), "TSVRaw", &[])?;
        let lines = String::from_utf8_lossy(answer.as_ref()).into_owned();
        let mut statements: Vec<String> = lines.lines().filter_map(setting_back).collect();
        // While it may only read, it may not be made to read and write again: so that comes first.
        statements.sort_by_key(|statement| !statement.starts_with("SET readonly"));
        if job.parameters.database.is_some() && !changes_database {
            let database = connection.query(b"SELECT currentDatabase()", "TSVRaw", &[])?;
            statements.push(format!("USE {}", quoted_identifier(database.as_ref().trim_ascii_end())));
        }
        Ok(Self { statements })
    }

    /// False where something can't be set back: the session is not to be used any more.
    pub(super) fn restore(self, connection: &mut Connection) -> bool {
        self.statements.iter().all(|statement| connection.query(statement.as_bytes(), "Null", &[]).is_ok())
    }
}

/// What sets a setting back, from its name, its value in hexadecimal and whether the session has set it.
fn setting_back(line: &str) -> Option<String> {
    let [name, value, changed] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
    let digits = value.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()));
    let value: Vec<u8> = digits.collect::<Option<_>>()?;
    Some(if changed == "1" { format!("SET {name} = {}", quoted(&value)) } else { format!("SET {name} = DEFAULT") })
}
