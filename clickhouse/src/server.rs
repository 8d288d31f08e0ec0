//! The server: an engine, and HTTP before it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::http::{App, INSERTS, serve};
use crate::library::library_path;
use crate::start_error::StartError;
use crate::users::Users;

/// A statement is carried out on its thread's stack, and the engine parses by recursion.
const STACK_BYTES: usize = 8 << 20;

/// Threads beside those of statements: they cancel and clean up.
const SPARE_THREADS: usize = 16;

/// How long threads that still work may take to end.
const THREADS_TIME: Duration = Duration::from_secs(5);

/// With what a server starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// The engine's folder. One process owns it.
    pub data: PathBuf,
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// libchdb's file. None: as [`library_path`] says.
    pub library: Option<PathBuf>,
    /// Who may ask.
    pub users: Users,
    /// Statements that run at once; more wait. Some inserts run beside them.
    pub max_queries: usize,
    /// What the engine may take, bytes: beyond it statements fail. Answers that are held for formats which can't be streamed come on top.
    pub max_memory_bytes: u64,
}

impl Options {
    /// A server for this machine alone.
    #[must_use]
    pub fn new(data: PathBuf) -> Self {
        Self {
            data,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            library: None,
            users: Users::of_this_machine(),
            max_queries: 32,
            max_memory_bytes: 4 << 30,
        }
    }
}

/// A server that runs. Dropped, it shuts down.
pub struct Server {
    address: SocketAddr,
    version: String,
    engine: Arc<Engine>,
    runtime: Option<Runtime>,
    ending: Option<oneshot::Sender<()>>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Server {
    /// Starts the engine, once a process, and listens.
    ///
    /// # Errors
    /// What keeps it from starting, and what to do: among it that libchdb is missing.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        let address = options.address;
        if !address.ip().is_loopback() && !options.users.all_have_passwords() {
            return Err(StartError::OpenToAll { address });
        }
        let library = library_path(options.library.as_deref());
        if !library.is_file() {
            return Err(StartError::LibraryMissing { path: library });
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(options.max_queries + INSERTS + SPARE_THREADS)
            .thread_stack_size(STACK_BYTES)
            .thread_name("clickhouse-http")
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let cannot = |problem| StartError::Address { address, problem };
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let engine = Arc::new(Engine::start(&library, options)?);
        engine.make_ready();
        let app = Arc::new(App::new(Arc::clone(&engine), options.users.clone(), options.max_queries));
        let (ending, asked) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        runtime.spawn(async move {
            serve(listener, Arc::clone(&app), async { asked.await.unwrap_or(()) }).await;
            app.sessions.end_all();
            // Nobody waits where the handle was dropped.
            end.send(()).ok();
        });
        let version = engine.about.version.clone();
        Ok(Self { address, version, engine, runtime: Some(runtime), ending: Some(ending), ended: Some(ended) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The engine's version, as in `26.7.2.1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Lets nobody in any more, waits 5 s for those that are there, cancels what still runs, and ends the engine.
    pub fn shut_down(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        drop(self.ending.take());
        if let Some(ended) = self.ended.take() {
            runtime.block_on(ended).ok();
        }
        runtime.shutdown_timeout(THREADS_TIME);
        self.engine.shut_down();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
