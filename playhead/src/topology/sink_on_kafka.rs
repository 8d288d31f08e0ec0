//! The ClickHouse sink on Kafka: lanes that write, and what makes again what is derived from it.

use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context as _;
use kafka::{KafkaLane, LaneOptions};
use pipeline::{SinkOptions, SinkTotals, run_sink};
use schemas::SchemaSource;
use sink_clickhouse::{ClickHouseSink, INPUTS, Recomputer};

use super::clickhouse::{self, LOG_TIMES};
use super::{OnKafka, RETRY_INTERVAL, Stage, recompute_until};
use crate::observe::WatchedRegistry;

impl OnKafka<'_> {
    /// Runs the lanes of the sink until a stop is asked for, or one of them fails, which stops the others.
    ///
    /// # Errors
    /// Where the settings are wrong, ClickHouse's tables are not as they must be, or a lane can't go on.
    pub(crate) fn run_clickhouse(&self) -> anyhow::Result<SinkTotals> {
        self.watch.starting("ClickHouse is asked for its tables");
        let (config, name) = (self.config, Stage::ClickHouse.name());
        let (cluster, client) = (config.kafka.cluster()?, config.clickhouse.client()?);
        if !clickhouse::checked(&client, &self.shutdown)? {
            return Ok(SinkTotals::default());
        }
        let registry: Arc<dyn SchemaSource> = Arc::new(WatchedRegistry::new(config.registry.client()?, &self.watch));
        let lane = |number, watch: &Arc<crate::observe::LaneWatch>| {
            let options = LaneOptions::new(cluster.clone(), name, &config.kafka.instance, number);
            let mut lane = KafkaLane::sink(options, &INPUTS)?;
            let mut sink = ClickHouseSink::new(client.clone(), &registry);
            let options = SinkOptions {
                flush_interval: config.clickhouse.flush_interval,
                retry_interval: RETRY_INTERVAL,
                // The watch tells of it.
                on_unavailable: |_| ControlFlow::Continue(()),
                stop_when_caught_up: self.until_caught_up,
                log_times: LOG_TIMES.to_vec(),
                observer: Arc::clone(watch) as _,
            };
            run_sink(&mut sink, &mut lane, &options, &self.shutdown).with_context(|| format!("lane {number} of the sink {name} stopped"))
        };
        let mut all = SinkTotals::default();
        for totals in self.run_lanes(Stage::ClickHouse, &cluster, lane, |ended| recompute_until(config, &config.kafka.instance, ended))? {
            all.records += totals.records;
            all.flushes += totals.flushes;
            all.retries += totals.retries;
        }
        if self.until_caught_up {
            Recomputer::new(client, &config.kafka.instance)
                .run(&self.shutdown)
                .context("what is derived in ClickHouse was not made again")?;
        }
        Ok(all)
    }
}
