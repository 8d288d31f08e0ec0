//! Carries out one request, on a thread of its own.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::body::{BodyError, BodyReader};
use super::context::{Before, prepare};
use super::parameters::Parameters;
use super::reply::{Replier, Stopped};
use super::running::Ticket;
use super::sessions::Key;
use super::{App, form, hello, input_exception};
use crate::Rights;
use crate::exception::{
    ACCESS_DENIED, BAD_ARGUMENTS, CANNOT_READ_ALL_DATA, Exception, LIMIT_EXCEEDED, NOT_IMPLEMENTED, READONLY, SETTING_CONSTRAINT_VIOLATION,
    SYNTAX_ERROR,
};
use crate::formats::{Joining, content_type};
use crate::raw::{Connection, Counts, Parameter};
use crate::statement::{Data, Insert, Kind, QUERY_NAME, Refusal, Statement, find_insert, is_reaching, refusal};

/// What of a request may be statement rather than data, bytes, as in ClickHouse (max_query_size).
const MAX_STATEMENT_BYTES: usize = 262_144;

/// What a form may hold: its parameters may be large.
const MAX_FORM_BYTES: usize = 64 << 20;

/// What is handed to the engine at once.
const DATA_BYTES: usize = 1 << 18;

/// The largest answer that is held in memory, for formats that can't be streamed. `max_memory_usage` does not count it.
pub(super) const MAX_RESULT_BYTES: u64 = 1 << 30;

/// A request that was let in.
pub(crate) struct Job {
    pub(crate) app: Arc<App>,
    pub(crate) ticket: Ticket,
    pub(crate) user: String,
    pub(crate) rights: Rights,
    pub(crate) is_get: bool,
    pub(crate) parameters: Parameters,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: BodyReader,
}

impl Job {
    fn default_format(&self) -> &str {
        self.parameters.default_format.as_deref().unwrap_or("TabSeparated")
    }

    pub(super) fn format<'a>(&'a self, statement: &'a Statement) -> &'a str {
        statement.format.as_deref().unwrap_or_else(|| self.default_format())
    }
}

/// Why a request was not carried out to its end.
pub(super) enum Failure {
    Exception(Exception),
    /// There is nobody left to tell.
    Gone,
}

impl From<Exception> for Failure {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}

impl From<crate::raw::EngineError> for Failure {
    fn from(error: crate::raw::EngineError) -> Self {
        Self::Exception(error.into())
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Gone(_) => Self::Gone,
            Stopped::TooMuch => Self::Exception(Exception::new(
                LIMIT_EXCEEDED,
                "Limit for result exceeded: the whole answer is held back, in memory, with those of others",
            )),
            Stopped::Encoding(error) => Self::Exception(Exception::new(BAD_ARGUMENTS, &format!("Cannot compress the answer: {error}"))),
        }
    }
}

/// Carries it out, and answers.
pub(crate) fn execute(mut job: Job, mut replier: Replier) {
    let started = Instant::now();
    let app = Arc::clone(&job.app);
    let is_get = job.is_get;
    match carry_out(&mut job, &mut replier) {
        Ok(counts) => {
            // A client that has gone gets no answer; what it asked for is done.
            if let Err(Stopped::TooMuch | Stopped::Encoding(_)) = replier.finish(counts, started.elapsed().as_nanos()) {
                tracing::warn!("an answer could not be finished");
            }
        }
        Err(Failure::Exception(exception)) => {
            let exception = if is_get { exception.of_get() } else { exception };
            replier.fail(&exception);
        }
        Err(Failure::Gone) => {}
    }
    drop(job);
    app.engine.make_ready();
}

/// What is to be done, once the beginning of the body has been read.
pub(super) enum Task {
    Statement(Statement),
    Insert { insert: Insert, text: Vec<u8>, rest: Box<dyn Read + Send> },
}

fn carry_out(job: &mut Job, replier: &mut Replier) -> Result<Counts, Failure> {
    let app = Arc::clone(&job.app);
    let about = &app.engine.about;
    replier.header("x-clickhouse-query-id", &job.ticket.id);
    replier.header("x-clickhouse-timezone", &about.timezone);
    let task = read_task(job)?;
    check(job, &task)?;
    if let Task::Statement(statement) = &task
        && hello::is_hello(&statement.text, job.parameters.client_protocol_version)
    {
        replier.header("x-clickhouse-format", "Native");
        replier.header("content-type", content_type("Native"));
        replier.push(hello::answer(about).into())?;
        return Ok(Counts { result_rows: 1, ..Counts::default() });
    }
    let Some(session) = job.parameters.session.clone() else {
        let mut connection = app.engine.connect()?;
        prepare(job, &task, &mut connection)?;
        return run(job, &mut connection, task, replier);
    };
    let (key, kept) = app.sessions.take(&job.user, &session)?;
    // Whatever happens in between, the session does not stay taken.
    let mut lease = Lease { app: &app, key: Some(key) };
    let mut connection = match kept {
        Some(connection) => connection,
        None => app.engine.connect()?,
    };
    let before = Before::of(job, &task, &mut connection)?;
    let outcome = prepare(job, &task, &mut connection).and_then(|()| run(job, &mut connection, task, replier));
    if outcome.is_err() {
        // A statement that failed keeps its locks until the next one.
        connection.query(b"SELECT 1", "Null", &[]).ok();
    }
    let is_restored = before.restore(&mut connection);
    if !session.close
        && is_restored
        && let Some(key) = lease.key.take()
    {
        app.sessions.put_back(key, connection, session.timeout_s);
    }
    outcome
}

/// A session in use, which ends where it is not put back.
struct Lease<'a> {
    app: &'a App,
    key: Option<Key>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.app.sessions.end(&key);
        }
    }
}

/// Reads as much of the body as is statement.
fn read_task(job: &mut Job) -> Result<Task, Failure> {
    let (_, empty) = super::body::channel();
    let body = std::mem::replace(&mut job.body, empty);
    let mut body = body.decoded(job.content_encoding.as_deref(), job.parameters.decompress)?;
    if let Some(boundary) = job.content_type.as_deref().and_then(form::boundary) {
        read_form(job, &mut body, &boundary)?;
        body = Box::new(io::empty());
    }
    let mut text = std::mem::take(&mut job.parameters.query);
    if !text.is_empty() {
        text.push(b'\n');
    }
    let mut is_whole = false;
    loop {
        match find_insert(&text, is_whole).map_err(|message| Exception::new(SYNTAX_ERROR, message))? {
            Data::Follow(insert) => return Ok(Task::Insert { insert, text, rest: body }),
            Data::None if is_whole => break,
            Data::OfInput => {
                let message = "Data that are read by input() are not supported by the embedded engine: insert them into a table";
                return Err(Exception::new(NOT_IMPLEMENTED, message).into());
            }
            _ if text.len() > MAX_STATEMENT_BYTES => {
                let message = format!(
                    "Syntax error: Max query size exceeded (can be increased with the `max_query_size` setting): {MAX_STATEMENT_BYTES}"
                );
                return Err(Exception::new(SYNTAX_ERROR, &message).into());
            }
            Data::None | Data::Unclear => {}
        }
        let before = text.len();
        let read = body.by_ref().take(1 << 16).read_to_end(&mut text);
        read.map_err(|error| input_failure(&error))?;
        is_whole = text.len() == before;
    }
    let statement = Statement::of(&text).map_err(|at| {
        let rest: String = String::from_utf8_lossy(&text[at..]).chars().take(60).collect();
        Exception::new(SYNTAX_ERROR, &format!("Syntax error (Multi-statements are not allowed): failed at position {} (;): {rest}", at + 1))
    })?;
    if statement.kind == Kind::Empty {
        return Err(Exception::new(SYNTAX_ERROR, "Syntax error: Empty query").into());
    }
    Ok(Task::Statement(statement))
}

fn read_form(job: &mut Job, body: &mut (dyn Read + Send), boundary: &str) -> Result<(), Failure> {
    let mut text = Vec::new();
    body.take(MAX_FORM_BYTES as u64 + 1).read_to_end(&mut text).map_err(|error| input_failure(&error))?;
    if text.len() > MAX_FORM_BYTES {
        return Err(Exception::new(LIMIT_EXCEEDED, &format!("The form is larger than {MAX_FORM_BYTES} bytes")).into());
    }
    let fields = form::fields(&text, boundary)
        .ok_or_else(|| Exception::new(CANNOT_READ_ALL_DATA, "Cannot read all data: the multipart form is cut off, or no form"))?;
    for field in fields {
        if field.is_file {
            let message = format!("External tables are not supported by the embedded engine: {}", field.name.escape_debug());
            return Err(Exception::new(NOT_IMPLEMENTED, &message).into());
        }
        if field.name == "query" || field.name.starts_with("param_") {
            job.parameters.add_field(field.name, field.value);
        }
    }
    Ok(())
}

fn input_failure(error: &io::Error) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<BodyError>()) {
        Some(BodyError::Gone) => Failure::Gone,
        _ => Failure::Exception(input_exception(error)),
    }
}

/// Refuses what this user may not do.
fn check(job: &Job, task: &Task) -> Result<(), Failure> {
    let text = match task {
        Task::Statement(statement) => &statement.text,
        Task::Insert { insert, text, .. } => &text[..insert.head_end],
    };
    let user = job.user.escape_debug();
    let of_url = || job.parameters.settings.iter().find(|(name, _)| job.rights != Rights::Owner && is_reaching(name));
    let refused = refusal(text, job.rights).or_else(|| of_url().map(|(name, _)| Refusal::OwnersOnly(format!("the setting {name}"))));
    Err(match refused {
        None => return Ok(()),
        Some(Refusal::SetsItsName) => Exception::new(
            SETTING_CONSTRAINT_VIOLATION,
            &format!("Setting {QUERY_NAME} should not be changed: it holds the query's id, by which it is cancelled"),
        ),
        Some(Refusal::EndsTheProcess) => {
            Exception::new(ACCESS_DENIED, &format!("{user}: Not enough privileges: this would end the process that the engine lives in; end it by SIGTERM"))
        }
        Some(Refusal::OwnersOnly(what)) => Exception::new(
            ACCESS_DENIED,
            &format!("{user}: Not enough privileges. To execute this query, it's necessary to have the rights of an owner: {what} reaches beyond the tables"),
        ),
        Some(Refusal::Misleading(what)) => Exception::new(SYNTAX_ERROR, &format!("Syntax error: {what}, which only an owner may write")),
        Some(Refusal::ReadersMayNot) => Exception::new(READONLY, &format!("{user}: Cannot execute query in readonly mode")),
    }
    .into())
}

fn run(job: &Job, connection: &mut Connection, task: Task, replier: &mut Replier) -> Result<Counts, Failure> {
    if job.ticket.query.is_cancelled() {
        return Err(Failure::Gone);
    }
    match task {
        Task::Insert { insert, text, rest } => run_insert(job, connection, &insert, &text, rest),
        Task::Statement(statement) => run_statement(job, connection, &statement, replier),
    }
}

fn run_insert(
    job: &Job,
    connection: &mut Connection,
    insert: &Insert,
    text: &[u8],
    mut rest: Box<dyn Read + Send>,
) -> Result<Counts, Failure> {
    let mut stream = connection.insert(&text[..insert.head_end], &insert.format, &job.parameters.parameters)?;
    let mut is_taken = stream.append(&text[insert.data_start..]);
    let mut buffer = vec![0; DATA_BYTES];
    while is_taken {
        let read = fill(&mut rest, &mut buffer).map_err(|error| input_failure(&error))?;
        if read == 0 {
            break;
        }
        is_taken = stream.append(&buffer[..read]);
    }
    if job.ticket.query.is_cancelled() {
        return Err(Failure::Gone);
    }
    Ok(stream.done()?.counts())
}

/// Reads until the buffer is full or the source at its end.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut at = 0;
    while at < buffer.len() {
        match source.read(&mut buffer[at..]) {
            Ok(0) => break,
            Ok(read) => at += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}

fn run_statement(job: &Job, connection: &mut Connection, statement: &Statement, replier: &mut Replier) -> Result<Counts, Failure> {
    if connection.count_statements(&statement.text).is_some_and(|count| count > 1) {
        return Err(Exception::new(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)").into());
    }
    let default_format = job.default_format();
    let format = job.format(statement);
    let parameters = &job.parameters.parameters;
    replier.header("x-clickhouse-format", format);
    replier.header("content-type", content_type(format));
    match Joining::of(format) {
        Joining::Whole => run_whole(connection, &statement.text, default_format, parameters, replier),
        _ if statement.kind != Kind::Select => run_whole(connection, &statement.text, default_format, parameters, replier),
        joining => run_stream(job, connection, statement, default_format, joining, replier),
    }
}

fn run_whole(
    connection: &mut Connection,
    text: &[u8],
    format: &str,
    parameters: &[Parameter],
    replier: &mut Replier,
) -> Result<Counts, Failure> {
    let answer = connection.query(text, format, parameters)?;
    let counts = answer.counts();
    if answer.as_ref().len() as u64 > MAX_RESULT_BYTES {
        return Err(Exception::new(LIMIT_EXCEEDED, &format!("Limit for result exceeded, max bytes: {MAX_RESULT_BYTES}")).into());
    }
    replier.push(Bytes::from_owner(answer))?;
    Ok(counts)
}

fn run_stream(
    job: &Job,
    connection: &mut Connection,
    statement: &Statement,
    format: &str,
    joining: Joining,
    replier: &mut Replier,
) -> Result<Counts, Failure> {
    let mut stream = connection.stream(&statement.text, format, &job.parameters.parameters)?;
    let mut counts = Counts::default();
    let mut header = Bytes::new();
    let mut is_first = true;
    while let Some(piece) = stream.next()? {
        counts.add(piece.counts());
        let mut piece = Bytes::from_owner(piece);
        if let Joining::Headed(kind) = joining {
            if is_first {
                header = kind.length(&piece).map_or(Bytes::new(), |length| piece.slice(..length));
            } else if piece.starts_with(&header) {
                piece = piece.slice(header.len()..);
            }
        }
        is_first = false;
        replier.push(piece)?;
        if replier.is_gone() || job.ticket.query.is_cancelled() {
            return Err(Failure::Gone);
        }
    }
    Ok(counts)
}
