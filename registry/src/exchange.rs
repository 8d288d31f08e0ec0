//! One question to a registry, over all of its addresses.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::Agent;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue};
use ureq::http::{Method, Request, Response};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::bodies::{self, ErrorAnswer};
use crate::codes;
use crate::settings::{Address, ClientSettings, Credentials, SettingsError};

/// Largest answer that is read, bytes.
const ANSWER_BYTES: u64 = 8 << 20;

/// Longest of a registry's words that are passed on, characters.
const WORDS: usize = 2_000;

/// Accepted beside our own type: some registries answer with plain JSON, and refuse to be asked for less.
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/vnd.schemaregistry.v1+json, application/json; q=0.9");

/// What a registry answered.
#[derive(Debug)]
pub(crate) enum Reply {
    /// What it was asked for, JSON.
    Found(Vec<u8>),
    /// It is sure that there is no such thing (404 with one of its own codes).
    Absent,
    /// It will not do it (409, 413, 422), in its words.
    Refused(String),
}

/// Speaks HTTP to a registry.
#[derive(Debug)]
pub(crate) struct Exchange {
    agent: Agent,
    addresses: Vec<Address>,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    /// The address that answered last: the first that is asked.
    answering: AtomicUsize,
}

impl Exchange {
    pub(crate) fn new(settings: &ClientSettings) -> Result<Self, SettingsError> {
        if settings.addresses.is_empty() {
            return Err(SettingsError::NoAddress);
        }
        let roots = match settings.authorities.as_deref() {
            Some(pem) => authorities(pem)?,
            None if settings.addresses.iter().any(Address::is_encrypted) => system_authorities()?,
            None => RootCerts::new_with_certs(&[]),
        };
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(roots)
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would take the password to who knows where.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(settings.timeout))
            .user_agent(concat!("playhead/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        Ok(Self {
            agent: Agent::new_with_config(config),
            addresses: settings.addresses.clone(),
            authorization: authorization(&settings.credentials)?,
            timeout: settings.timeout,
            answering: AtomicUsize::new(0),
        })
    }

    /// Asks one address after the other until one has an answer. That there is no such thing is believed where none has it: another may know more.
    ///
    /// # Errors
    /// Where none answers: what each of them did, in words.
    pub(crate) fn ask(&self, method: &Method, path: &str, body: Option<&[u8]>) -> Result<Reply, String> {
        let first = self.answering.load(Ordering::Relaxed);
        let mut absent = false;
        let mut problems = Vec::new();
        for turn in 0..self.addresses.len() {
            let index = (first + turn) % self.addresses.len();
            let address = self.addresses[index].as_str();
            match self.ask_at(address, method, path, body) {
                Ok(Reply::Absent) => absent = true,
                Ok(reply) => {
                    self.answering.store(index, Ordering::Relaxed);
                    return Ok(reply);
                }
                Err(problem) => problems.push(format!("{address}: {problem}")),
            }
        }
        if absent { Ok(Reply::Absent) } else { Err(problems.join("; ")) }
    }

    /// The header `Date` of an answer of the address that answered last.
    ///
    /// # Errors
    /// Where it does not answer, in words.
    pub(crate) fn date(&self, path: &str) -> Result<Option<String>, String> {
        let address = self.addresses[self.answering.load(Ordering::Relaxed)].as_str();
        let response = self.send(address, &Method::GET, path, None)?;
        Ok(response.headers().get(DATE).and_then(|date| date.to_str().ok()).map(str::to_owned))
    }

    fn ask_at(&self, address: &str, method: &Method, path: &str, body: Option<&[u8]>) -> Result<Reply, String> {
        self.judge(self.send(address, method, path, body)?, path)
    }

    fn send(&self, address: &str, method: &Method, path: &str, body: Option<&[u8]>) -> Result<Response<ureq::Body>, String> {
        let mut request = Request::builder().method(method).uri(format!("{address}{path}")).header(ACCEPT, ACCEPTED);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let answered = match body {
            None => self.agent.run(request.body(()).map_err(|error| error.to_string())?),
            Some(body) => {
                let request = request.header(CONTENT_TYPE, bodies::CONTENT_TYPE).body(body);
                self.agent.run(request.map_err(|error| error.to_string())?)
            }
        };
        answered.map_err(|error| self.words(&error))
    }

    fn judge(&self, mut response: Response<ureq::Body>, path: &str) -> Result<Reply, String> {
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec().map_err(|error| self.words(&error))?;
        if status.is_success() {
            return Ok(Reply::Found(body));
        }
        let error = serde_json::from_slice::<ErrorAnswer>(&body).ok();
        let words = || {
            let text = error.as_ref().map_or_else(|| String::from_utf8_lossy(&body).into_owned(), |error| error.message.clone());
            text.chars().take(WORDS).collect::<String>()
        };
        match (status.as_u16(), error.as_ref().map(|error| error.error_code)) {
            (404, Some(codes::SUBJECT_NOT_FOUND | codes::VERSION_NOT_FOUND | codes::SCHEMA_NOT_FOUND | codes::NO_LEVEL_OF_ITS_OWN)) => {
                Ok(Reply::Absent)
            }
            // Anything may answer 404 to a path that it does not know: that says nothing of schemas.
            (404, _) => Err(format!("there is nothing at {path} ({}): is this the base address of a schema registry?", words())),
            (409 | 413 | 422, _) => Ok(Reply::Refused(words())),
            (401 | 403, _) => Err(format!("{status}: user and password, or the token, are not accepted")),
            (300..=399, _) => Err(format!("{status}: redirects are not followed")),
            _ => Err(format!("{status} {}", words()).trim_end().to_owned()),
        }
    }

    fn words(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => format!("no answer within {} ms", self.timeout.as_millis()),
            ureq::Error::Io(error) if error.kind() == ErrorKind::TimedOut => format!("no answer within {} ms", self.timeout.as_millis()),
            // Without the library's "io:" before it.
            ureq::Error::Io(error) => error.to_string(),
            error => error.to_string(),
        }
    }
}

/// The authorities that this system trusts.
fn system_authorities() -> Result<RootCerts, SettingsError> {
    // One that can't be read is left out; who is signed by it will be told so.
    let found = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<_> = found.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    if certificates.is_empty() { Err(SettingsError::NoAuthorities) } else { Ok(RootCerts::new_with_certs(&certificates)) }
}

fn authorities(pem: &[u8]) -> Result<RootCerts, SettingsError> {
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| SettingsError::Authorities(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(SettingsError::Authorities("there is none in it".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

fn authorization(credentials: &Credentials) -> Result<Option<HeaderValue>, SettingsError> {
    let (text, problem) = match credentials {
        Credentials::None => return Ok(None),
        Credentials::Basic { user, .. } if user.contains(':') => return Err(SettingsError::Credentials("the user's name holds a colon")),
        Credentials::Basic { user, password } => {
            let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
            (format!("Basic {pair}"), "user and password can't be sent")
        }
        Credentials::Bearer(token) => (format!("Bearer {}", token.expose()), "the token holds what no header may"),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| SettingsError::Credentials(problem))?;
    value.set_sensitive(true);
    Ok(Some(value))
}
