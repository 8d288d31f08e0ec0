//! The engine in this process: one folder, connections, and what it says of itself.

mod access;
mod folder;
mod lock;
pub mod repair;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Options;
use crate::raw::{Connection, EngineError, Library};
use crate::start_error::StartError;

/// Connections that wait for a statement. Opening one takes a moment that a request need not wait for.
const READY_CONNECTIONS: usize = 4;

/// The library knows one engine, once: after its end nothing can be connected any more.
static HAS_STARTED: AtomicBool = AtomicBool::new(false);

/// The engine over one folder, for the life of the process.
pub(crate) struct Engine {
    library: Library,
    arguments: Vec<String>,
    /// Keeps the engine up while no request has a connection. None once it is shut down.
    root: Mutex<Option<Connection>>,
    ready: Mutex<Vec<Connection>>,
    pub(crate) about: About,
    _lock: lock::Lock,
}

/// What the engine says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// As in `26.7.2.1`.
    pub(crate) version: String,
    pub(crate) timezone: String,
    pub(crate) display_name: String,
}

impl Engine {
    /// Takes the folder, mends what a crash has left in it, loads the library and starts the engine.
    pub(crate) fn start(library_path: &Path, options: &Options) -> Result<Self, StartError> {
        let folder = folder::Folder::open(&options.data)?;
        let lock = lock::Lock::take(&options.data)?;
        folder.configure(access::Access::of(&options.users))?;
        let dropped = repair::repair(&folder.engine).map_err(|error| StartError::Folder {
            folder: options.data.clone(),
            problem: format!("its deduplication logs can't be repaired: {error}"),
        })?;
        if dropped > 0 {
            tracing::info!(lines = dropped, "tokens of inserts that a crash has cut off were dropped");
        }
        if HAS_STARTED.swap(true, Ordering::SeqCst) {
            return Err(StartError::OncePerProcess);
        }
        let library =
            Library::load(library_path).map_err(|problem| StartError::LibraryUnusable { path: library_path.to_owned(), problem })?;
        let mut arguments = folder.arguments()?;
        let mut server_arguments = arguments.clone();
        server_arguments.push(format!("--max_server_memory_usage={}", options.max_memory_bytes));
        let refused = || StartError::Refused { folder: options.data.clone() };
        let mut root = Connection::open(library, &server_arguments).ok_or_else(refused)?;
        // The C interface reads `SELEC` as an expression and lets everybody look into the process; ClickHouse's server does neither.
        arguments.extend(["--implicit_select=0".to_owned(), "--allow_introspection_functions=0".to_owned()]);
        let about = About::ask(&mut root).map_err(|EngineError(problem)| StartError::Unusable { folder: options.data.clone(), problem })?;
        Ok(Self { library, arguments, root: Mutex::new(Some(root)), ready: Mutex::default(), about, _lock: lock })
    }

    /// A fresh connection, with no setting but the engine's own.
    pub(crate) fn connect(&self) -> Result<Connection, EngineError> {
        if let Some(connection) = locked(&self.ready).pop() {
            return Ok(connection);
        }
        self.open()
    }

    fn open(&self) -> Result<Connection, EngineError> {
        // The last connection closes the engine, so none is opened beside a root that is gone.
        let root = locked(&self.root);
        let opened = root.as_ref().and_then(|_| Connection::open(self.library, &self.arguments));
        opened.ok_or_else(|| EngineError("Code: 210. DB::Exception: the engine is shutting down. (NETWORK_ERROR)".to_owned()))
    }

    /// Opens the connections that the next requests will take.
    pub(crate) fn make_ready(&self) {
        while locked(&self.ready).len() < READY_CONNECTIONS {
            let Ok(connection) = self.open() else { return };
            locked(&self.ready).push(connection);
        }
    }

    /// Cancels the statement of a query id, if it runs.
    pub(crate) fn kill(&self, query_id: &str) -> Result<(), EngineError> {
        let text = format!("KILL QUERY WHERE Settings['log_comment'] = {} ASYNC", quoted(query_id.as_bytes()));
        self.connect()?.query(text.as_bytes(), "Null", &[]).map(drop)
    }

    /// Closes what nobody uses and ends the engine's threads. No request may have a connection.
    pub(crate) fn shut_down(&self) {
        let root = locked(&self.root).take();
        locked(&self.ready).clear();
        if root.is_some() {
            drop(root);
            self.library.shut_down();
        }
    }
}

impl About {
    fn ask(connection: &mut Connection) -> Result<Self, EngineError> {
        let answer = connection.query(b"SELECT version(), timezone(), displayName()", "TSVRaw", &[])?;
        let text = String::from_utf8_lossy(answer.as_ref()).into_owned();
        let mut fields = text.trim_end().split('\t').map(str::to_owned);
        let mut field = || fields.next().unwrap_or_default();
        Ok(Self { version: field(), timezone: field(), display_name: field() })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it guards is whole at any moment, so a thread that panicked leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A string literal of ClickHouse's SQL.
pub(crate) fn quoted(text: &[u8]) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for character in String::from_utf8_lossy(text).chars() {
        match character {
            '\'' | '\\' => quoted.extend(['\\', character]),
            '\0' => quoted.push_str("\\0"),
            _ => quoted.push(character),
        }
    }
    quoted.push('\'');
    quoted
}

/// An identifier of ClickHouse's SQL.
pub(crate) fn quoted_identifier(name: &[u8]) -> String {
    let name = quoted(name);
    format!("`{}`", name[1..name.len() - 1].replace('`', "\\`"))
}
