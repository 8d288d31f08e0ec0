//! What the handlers share.

use std::sync::Arc;
use std::time::Duration;

use producers::gateway::{Intake, RequestOptions};
use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, Opts};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;
use crate::config::Config;
use crate::data_folder::{DataFolder, OwnerFile};
use crate::dev::live::Live;
use crate::observe::Watch;

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
    pub(super) watch: Arc<Watch>,
    pub(super) under_way: Arc<Semaphore>,
    pub(super) judging: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    pub(super) commands: Arc<Semaphore>,
}

/// Since the start.
pub(super) struct Counts {
    requests: IntCounter,
    accepted: IntCounter,
    duplicates: IntCounter,
    rejected: IntCounter,
    busy: IntCounter,
}

impl App {
    pub(in crate::dev) fn new(
        folder: Arc<DataFolder>,
        config: Config,
        owner: OwnerFile,
        (intake, requests): (Intake, RequestOptions),
        live: Arc<Live>,
        watch: Arc<Watch>,
    ) -> anyhow::Result<Self> {
        let permits = |number| Arc::new(Semaphore::new(number));
        Ok(Self {
            folder,
            config: Arc::new(config),
            owner,
            intake,
            requests,
            live,
            counts: Counts::register(&watch)?,
            watch,
            under_way: permits(UNDER_WAY),
            judging: permits(JUDGING),
            reading: permits(READING),
            commands: permits(COMMANDS),
        })
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
    /// Counted from here on, also as metrics.
    fn register(watch: &Watch) -> anyhow::Result<Self> {
        let requests = IntCounter::new("playhead_gateway_requests_total", "Requests with events that were judged.")?;
        let events = Opts::new("playhead_gateway_events_total", "Events of requests, by what became of them.");
        let events = IntCounterVec::new(events, &["status"])?;
        let busy = IntCounter::new("playhead_gateway_busy_total", "Requests that were refused because the log did not keep up.")?;
        let all: [Box<dyn Collector>; 3] = [Box::new(requests.clone()), Box::new(events.clone()), Box::new(busy.clone())];
        all.into_iter().try_for_each(|collector| watch.register(collector))?;
        let of = |status| events.with_label_values(&[status]);
        Ok(Self { requests, accepted: of("accepted"), duplicates: of("duplicate"), rejected: of("rejected"), busy })
    }

    pub(super) fn add(&self, accepted: u64, duplicates: u64, rejected: u64) {
        self.requests.inc();
        self.accepted.inc_by(accepted);
        self.duplicates.inc_by(duplicates);
        self.rejected.inc_by(rejected);
    }

    pub(super) fn add_busy(&self) {
        self.busy.inc();
    }

    /// By their names in JSON.
    pub(super) fn as_json(&self) -> serde_json::Value {
        serde_json::json!({
            "requests": self.requests.get(),
            "accepted": self.accepted.get(),
            "duplicates": self.duplicates.get(),
            "rejected": self.rejected.get(),
            "refused_as_busy": self.busy.get(),
        })
    }
}
