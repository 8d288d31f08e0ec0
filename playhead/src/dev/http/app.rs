//! What the handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use producers::gateway::{Intake, RequestOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;
use crate::config::Config;
use crate::data_folder::{DataFolder, OwnerFile};
use crate::dev::live::Live;

/// Requests with events that are judged at a time: parsed JSON takes many times its text in memory.
const JUDGING: usize = 2;

/// Requests with events that are under way, from body to answer.
const UNDER_WAY: usize = 64;

/// Questions that read store or log at a time.
const READING: usize = 4;

/// Commands of others that are carried out at a time.
const COMMANDS: usize = 2;

/// Threads for whatever blocks.
pub(super) const BLOCKING_THREADS: usize = JUDGING + READING + COMMANDS;

/// How long a question waits for its turn.
const TURN_TIME: Duration = Duration::from_secs(5);

pub(in crate::dev) struct App {
    pub(super) folder: Arc<DataFolder>,
    pub(super) config: Arc<Config>,
    pub(super) owner: OwnerFile,
    pub(super) intake: Intake,
    pub(super) requests: RequestOptions,
    pub(super) live: Arc<Live>,
    pub(super) counts: Counts,
    pub(super) started: Instant,
    pub(super) under_way: Arc<Semaphore>,
    pub(super) judging: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    pub(super) commands: Arc<Semaphore>,
}

/// Since the start.
#[derive(Default)]
pub(super) struct Counts {
    requests: AtomicU64,
    accepted: AtomicU64,
    duplicates: AtomicU64,
    rejected: AtomicU64,
    busy: AtomicU64,
}

impl App {
    pub(in crate::dev) fn new(
        folder: Arc<DataFolder>,
        config: Config,
        owner: OwnerFile,
        intake: Intake,
        requests: RequestOptions,
        live: Arc<Live>,
    ) -> Self {
        let permits = |number| Arc::new(Semaphore::new(number));
        Self {
            folder,
            config: Arc::new(config),
            owner,
            intake,
            requests,
            live,
            counts: Counts::default(),
            started: Instant::now(),
            under_way: permits(UNDER_WAY),
            judging: permits(JUDGING),
            reading: permits(READING),
            commands: permits(COMMANDS),
        }
    }

    /// Runs what blocks, such as reading the store, on a thread for it.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = turn(&self.reading).await?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        done.await
            .map_err(|_| Refusal::internal("the question could not be answered"))?
            .map_err(|error| Refusal::internal(format!("{error:#}")))
    }
}

/// Waits for a turn, but not for long.
pub(super) async fn turn(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
    match tokio::time::timeout(TURN_TIME, Arc::clone(semaphore).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(Refusal::busy("too many are asking")),
    }
}

impl Counts {
    pub(super) fn add(&self, accepted: u64, duplicates: u64, rejected: u64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.accepted.fetch_add(accepted, Ordering::Relaxed);
        self.duplicates.fetch_add(duplicates, Ordering::Relaxed);
        self.rejected.fetch_add(rejected, Ordering::Relaxed);
    }

    pub(super) fn add_busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// By their names in JSON.
    pub(super) fn as_json(&self) -> serde_json::Value {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        serde_json::json!({
            "requests": of(&self.requests),
            "accepted": of(&self.accepted),
            "duplicates": of(&self.duplicates),
            "rejected": of(&self.rejected),
            "refused_as_busy": of(&self.busy),
        })
    }
}
