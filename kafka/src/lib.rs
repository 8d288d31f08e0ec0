//! The log on Apache Kafka. The only crate that knows librdkafka, by which it reads, and Kafka's protocol, by which it writes.
//!
//! A [`KafkaLane`] is [`pipeline::Log`] for one thread: a consumer in its stage's group, a transactional producer, and what is assigned to
//! it. Outputs and positions are one transaction. [`Admin`] makes, describes and deletes topics, and [`Reader`] reads any partition without
//! a group.
//!
//! All that is unsafe lies in `raw`, and nothing outside of it sees a pointer.

mod admin;
mod check;
mod error;
mod input;
mod lane;
mod look;
mod options;
mod patience;
mod producer;
mod raw;
mod reader;
mod records;
mod transactions;
mod wire;

pub use admin::{Admin, Ends, NewTopic, TopicInfo};
pub use error::KafkaError;
pub use lane::KafkaLane;
pub use look::{Broker, Group};
pub use options::{Cluster, LaneOptions, Membership};
pub use reader::Reader;
