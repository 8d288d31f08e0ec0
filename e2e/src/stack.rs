//! The servers that tests run against, started by the first test that needs them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use kafka::Cluster;

/// The servers that are up, by the variables of `scripts/stack env`.
#[derive(Clone, Debug)]
pub struct Stack {
    variables: BTreeMap<String, String>,
}

impl Stack {
    /// With these parts up and ready. It takes some seconds the first time, and nothing later.
    ///
    /// # Panics
    /// Where they cannot be started: no test is skipped.
    #[must_use]
    pub fn with(parts: &[&str]) -> Self {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let script = script();
        let up = Command::new(&script).arg("up").args(parts).stdin(Stdio::null()).stdout(Stdio::null()).status();
        assert!(up.expect("scripts/stack can be run").success(), "scripts/stack up {parts:?} failed: what it said is above");
        let env = Command::new(&script).arg("env").args(parts).output().expect("scripts/stack can be run");
        assert!(env.status.success(), "scripts/stack env {parts:?} failed");
        let text = String::from_utf8(env.stdout).expect("the script writes UTF-8");
        let variable = |line: &str| line.strip_prefix("export ")?.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { variables: text.lines().filter_map(variable).collect() }
    }

    /// A variable of the stack.
    ///
    /// # Panics
    /// Where the parts that are up do not have it.
    #[must_use]
    pub fn variable(&self, name: &str) -> &str {
        self.variables.get(name).unwrap_or_else(|| panic!("scripts/stack env prints {name}"))
    }

    /// The process of a part.
    ///
    /// # Panics
    /// Where it does not run.
    #[must_use]
    pub fn pid(&self, part: &str) -> u32 {
        let status = Command::new(script()).args(["status", "--json", part]).output().expect("scripts/stack can be run");
        let parts: serde_json::Value = serde_json::from_slice(&status.stdout).expect("the script writes JSON");
        let pid = parts[0]["pid"].as_u64().unwrap_or_else(|| panic!("{part} runs: {parts}"));
        u32::try_from(pid).expect("a process id")
    }

    /// Runs `e2e/java/Interop.java`: what it prints, JSON a line.
    ///
    /// # Panics
    /// Where it fails.
    #[must_use]
    pub fn java(&self, arguments: &[&str], input: &str) -> Vec<serde_json::Value> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/Interop.java");
        let mut java = Command::new(script());
        java.arg("java").arg(source).args(arguments).envs(&self.variables).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = java.spawn().expect("scripts/stack can be run");
        // Dropped when all is written, which is the end of the input.
        program.stdin.take().expect("it was asked for").write_all(input.as_bytes()).expect("the program reads its input");
        let output = program.wait_with_output().expect("the program was started");
        assert!(output.status.success(), "Interop.java {arguments:?} failed: what it said is above");
        let text = String::from_utf8(output.stdout).expect("the program writes UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("the program writes JSON")).collect()
    }

    /// Kafka without encryption.
    #[must_use]
    pub fn kafka(&self) -> Cluster {
        Cluster::new(self.variable("PLAYHEAD_TEST_BROKERS"))
    }

    /// Kafka over TLS.
    #[must_use]
    pub fn kafka_tls(&self) -> Cluster {
        let client = BTreeMap::from([
            ("security.protocol".to_owned(), "ssl".to_owned()),
            ("ssl.ca.location".to_owned(), self.variable("PLAYHEAD_TEST_CA").to_owned()),
        ]);
        Cluster { client, ..Cluster::new(self.variable("PLAYHEAD_TEST_BROKERS_TLS")) }
    }

    /// Kafka over TLS, with a name and a password.
    #[must_use]
    pub fn kafka_sasl(&self) -> Cluster {
        let Cluster { mut client, .. } = self.kafka_tls();
        for (key, value) in [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", self.variable("PLAYHEAD_TEST_SASL_USER")),
            ("sasl.password", self.variable("PLAYHEAD_TEST_SASL_PASSWORD")),
        ] {
            client.insert(key.to_owned(), value.to_owned());
        }
        Cluster { client, ..Cluster::new(self.variable("PLAYHEAD_TEST_BROKERS_SASL")) }
    }

    /// Kafka behind Toxiproxy's proxy "kafka".
    #[must_use]
    pub fn kafka_proxied(&self) -> Cluster {
        Cluster::new(self.variable("PLAYHEAD_TEST_BROKERS_PROXIED"))
    }
}

pub(crate) fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/stack")
}
