//! ClickHouse's HTTP interface, as far as the sink needs it: a statement or one block out, the whole answer back.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::http::Request;
use ureq::http::header::HeaderValue;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use url::Url;

/// Where ClickHouse is, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// Base address, as in `http://clickhouse:8123`.
    pub url: String,
    /// Empty: ClickHouse's default user.
    pub user: String,
    /// Empty: none.
    pub password: String,
    /// The database that holds our tables.
    pub database: String,
    /// How long an answer is waited for: after that nobody knows whether a block was written.
    pub timeout: Duration,
}

impl std::fmt::Debug for ClientSettings {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSettings").field("url", &self.url).field("user", &self.user).field("database", &self.database).finish()
    }
}

/// Settings that no client could be made from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not an HTTP address.
    #[error("{0:?} is no HTTP address, as in http://clickhouse:8123")]
    Address(String),
    /// What no header may hold.
    #[error("{0} holds what can't be sent")]
    Credentials(&'static str),
    /// Not a name.
    #[error("{0:?} is no database's name: letters, digits and '_' only")]
    Database(String),
    /// The system trusts nobody.
    #[error("this system trusts no authority (ca-certificates is missing), so {0} can't be verified")]
    NoAuthorities(String),
}

/// Why ClickHouse did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No answer, or half of one: it may have been done.
    #[error("ClickHouse does not answer: {0}")]
    NoAnswer(String),
    /// It said no.
    #[error("ClickHouse: {message}")]
    Refused {
        /// ClickHouse's own code; 0 where the answer has none.
        code: u32,
        /// Its words.
        message: String,
    },
}

/// Codes that stay the same however often one asks.
const FINAL: [u32; 14] = [16, 36, 43, 47, 50, 53, 60, 62, 81, 115, 117, 192, 497, 516];
/// Longest of ClickHouse's words that are passed on, characters.
const WORDS: usize = 2_000;
/// Largest answer that is read, bytes: the offsets of the largest block, twice.
const ANSWER_BYTES: u64 = 16 << 20;
/// A connection that was idle for longer is not used again: the server may be about to close it.
const IDLE: Duration = Duration::from_secs(2);

impl QueryError {
    /// Whether asking again would bring the same answer: a table or a right is missing, a type is another.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if FINAL.contains(code))
    }

    /// ClickHouse's code, where it said one.
    #[must_use]
    pub const fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::NoAnswer(_) => None,
        }
    }
}

/// Speaks to one ClickHouse. One thread at a time; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: Url,
    user: Option<HeaderValue>,
    key: Option<HeaderValue>,
    settings: ClientSettings,
}

impl Client {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// Where a setting can't be used.
    pub fn new(settings: &ClientSettings) -> Result<Self, SettingsError> {
        let base = Url::parse(&settings.url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = base.ok_or_else(|| SettingsError::Address(settings.url.clone()))?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if settings.database.is_empty() || !settings.database.chars().all(is_name) {
            return Err(SettingsError::Database(settings.database.clone()));
        }
        let roots = if base.scheme() == "https" { system_authorities(&settings.url)? } else { RootCerts::new_with_certs(&[]) };
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(roots)
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(settings.timeout))
            .max_idle_age(IDLE)
            .user_agent(concat!("playhead/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        Ok(Self {
            agent: Agent::new_with_config(config),
            base,
            user: header("clickhouse.user", &settings.user)?,
            key: header("clickhouse.password", &settings.password)?,
            settings: settings.clone(),
        })
    }

    /// The database that holds our tables.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.settings.database
    }

    pub(crate) const fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    /// Carries out one statement in our database, and gives back what it answers.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn query(&self, statement: &str) -> Result<Vec<u8>, QueryError> {
        // Imports touch as many days as there are in years.
        self.send(&[("database", self.database()), ("max_partitions_per_insert_block", "0")], statement.as_bytes())
    }

    /// As [`Client::query`], in no database: ours may have to be made first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn query_anywhere(&self, statement: &str) -> Result<Vec<u8>, QueryError> {
        self.send(&[], statement.as_bytes())
    }

    /// As [`Client::query`], of an answer that is text in columns apart by tabs: its lines.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn rows(&self, statement: &str) -> Result<Vec<Vec<String>>, QueryError> {
        let answer = self.query(&format!("{statement} FORMAT TSVRaw"))?;
        let text = String::from_utf8(answer).map_err(|_| QueryError::NoAnswer("the answer is not UTF-8".to_owned()))?;
        Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }

    /// Inserts one block, and comes back when it is durable. A block under a token that the table knows is left out.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn insert(&self, table: &str, token: &str, block: &[u8]) -> Result<(), QueryError> {
        let statement = format!("INSERT INTO {table} FORMAT Native");
        // Set explicitly: their defaults differ from version to version. One block must stay one block, or a part of it could be known.
        let parameters = [
            ("database", self.database()),
            ("query", statement.as_str()),
            ("insert_deduplicate", "1"),
            ("insert_deduplication_token", token),
            ("deduplicate_blocks_in_dependent_materialized_views", "1"),
            ("async_insert", "0"),
            ("max_partitions_per_insert_block", "0"),
            ("max_insert_threads", "1"),
        ];
        self.send(&parameters, block).map(drop)
    }

    fn send(&self, parameters: &[(&str, &str)], body: &[u8]) -> Result<Vec<u8>, QueryError> {
        let mut url = self.base.clone();
        // The answer comes when all is done, so that its status tells.
        url.query_pairs_mut().append_pair("wait_end_of_query", "1").extend_pairs(parameters);
        let mut request = Request::post(url.as_str());
        for (name, value) in [("X-ClickHouse-User", &self.user), ("X-ClickHouse-Key", &self.key)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let request = request.body(body).map_err(|error| QueryError::NoAnswer(error.to_string()))?;
        let mut response = self.agent.run(request).map_err(|error| self.no_answer(&error))?;
        let status = response.status();
        let code = response.headers().get("X-ClickHouse-Exception-Code").and_then(|code| code.to_str().ok()?.parse().ok());
        let answer = response.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec().map_err(|error| self.no_answer(&error))?;
        if status.is_success() && code.is_none() {
            return Ok(answer);
        }
        let message: String = String::from_utf8_lossy(&answer).trim().chars().take(WORDS).collect();
        let code = code.or_else(|| message.strip_prefix("Code: ")?.split('.').next()?.parse().ok());
        match code {
            Some(code) => Err(QueryError::Refused { code, message }),
            // Of whoever stands before it, if not of something else altogether.
            None if status.is_client_error() => Err(QueryError::Refused { code: 0, message: format!("{status} {message}") }),
            None => Err(QueryError::NoAnswer(format!("{status} {message}"))),
        }
    }

    fn no_answer(&self, error: &ureq::Error) -> QueryError {
        QueryError::NoAnswer(match error {
            ureq::Error::Timeout(_) => {
                format!("{}: nothing within {} ms", self.base.origin().ascii_serialization(), self.settings.timeout.as_millis())
            }
            error => format!("{}: {error}", self.base.origin().ascii_serialization()),
        })
    }
}

fn header(name: &'static str, text: &str) -> Result<Option<HeaderValue>, SettingsError> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut value = HeaderValue::from_str(text).map_err(|_| SettingsError::Credentials(name))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// The authorities that this system trusts.
fn system_authorities(url: &str) -> Result<RootCerts, SettingsError> {
    let found = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<_> = found.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    if certificates.is_empty() { Err(SettingsError::NoAuthorities(url.to_owned())) } else { Ok(RootCerts::new_with_certs(&certificates)) }
}
