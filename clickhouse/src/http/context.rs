//! What a request sets before its statement: database, settings, and that it may only read. In a session it is set back afterwards.

use super::execute::{Failure, Job, MAX_RESULT_BYTES, Task};
use crate::Rights;
use crate::engine::{quoted, quoted_identifier};
use crate::exception::{Exception, READONLY, SETTING_CONSTRAINT_VIOLATION, UNKNOWN_SETTING};
use crate::formats::Joining;
use crate::raw::Connection;
use crate::statement::{Kind, QUERY_NAME, RESULT_BOUND, Statement, is_bound, lifts_bound};

/// The database and the settings of the request. An answer that is fetched whole is bounded by the engine.
pub(super) fn prepare(job: &Job, task: &Task, connection: &mut Connection) -> Result<(), Failure> {
    let parameters = &job.parameters;
    let whole = fetched_whole(job, task);
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
        // Of an answer that is fetched whole it is set below.
        if name != RESULT_BOUND || whole.is_none() {
            text.push_str(&format!(", {name} = {}", quoted(value)));
        }
    }
    let is_reading = job.is_get || job.rights == Rights::Read;
    if let Some(statement) = whole {
        if lifts_bound(&statement.text, MAX_RESULT_BYTES) {
            let message = format!("Setting {RESULT_BOUND} should be between 1 and {MAX_RESULT_BYTES}, as the answer is held in memory");
            return Err(Exception::new(SETTING_CONSTRAINT_VIOLATION, &message).into());
        }
        let asked = parameters.settings.iter().find(|(name, value)| name == RESULT_BOUND && is_bound(value, MAX_RESULT_BYTES));
        let bound = asked.map_or_else(|| quoted(MAX_RESULT_BYTES.to_string().as_bytes()), |(_, value)| quoted(value));
        text.push_str(&format!(", {RESULT_BOUND} = {bound}"));
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

/// The statement, where its answer is fetched whole.
fn fetched_whole<'a>(job: &Job, task: &'a Task) -> Option<&'a Statement> {
    match task {
        Task::Statement(statement) if statement.kind == Kind::Select => {
            Some(statement).filter(|statement| Joining::of(job.format(statement)) == Joining::Whole)
        }
        Task::Statement(_) | Task::Insert { .. } => None,
    }
}

/// What a session has set, before a request's own settings hide it.
pub(super) struct Before {
    statements: Vec<String>,
}

impl Before {
    pub(super) fn of(job: &Job, task: &Task, connection: &mut Connection) -> Result<Self, Failure> {
        let changes_database = matches!(task, Task::Statement(statement) if statement.kind == Kind::Use);
        let mut names: Vec<&str> = job.parameters.settings.iter().map(|(name, _)| name.as_str()).collect();
        names.push("readonly");
        // Of all others a SET of it is to stay.
        if fetched_whole(job, task).is_some() {
            names.push(RESULT_BOUND);
        }
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
