//! A connection to one broker: requests out, answers in the same order.

use std::time::{Duration, Instant};

use super::error::{ProducerError, Wait, check};
use super::settings::{Address, ClientSettings};
use super::stream::Stream;
use super::{scram, settings::Password};
use crate::wire::{self, AskVersions, ErrorCode, Request, SaslAuthenticate, SaslHandshake, Versions};

/// One that was not used for so long may be known to nobody between here and the broker any more.
const IDLE: Duration = Duration::from_mins(4);
/// Answers are some hundred bytes; one that claims to be larger than this is none.
const LARGEST_ANSWER: usize = 64 << 20;
const READ_AT_ONCE: usize = 4_096;

/// A connection that the broker has accepted us on.
pub(super) struct Connection {
    stream: Stream,
    versions: Versions,
    client_id: String,
    next_correlation: i32,
    /// The frame that is being sent.
    outgoing: Vec<u8>,
    /// What has come and was not read yet.
    incoming: Vec<u8>,
    used: Instant,
    /// When the broker wants to be told again who we are.
    expires: Option<Instant>,
}

/// A request whose answer is to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    version: i16,
    correlation: i32,
}

impl Connection {
    /// Connects, agrees on versions and says who we are.
    pub(super) fn open(address: &Address, settings: &ClientSettings, wait: &Wait<'_>) -> Result<Self, ProducerError> {
        let mut connection = Self {
            stream: Stream::open(address, settings.tls.as_ref(), wait)?,
            versions: Versions::default(),
            client_id: settings.client_id.clone(),
            next_correlation: 0,
            outgoing: Vec::new(),
            incoming: Vec::new(),
            used: Instant::now(),
            expires: None,
        };
        let named = |error| match error {
            ProducerError::Refused { what, code } => ProducerError::Refused { what: format!("{address}: {what}"), code },
            ProducerError::Unreachable(why) => ProducerError::Unreachable(format!("{address}: {why}")),
        };
        connection.introduce(settings, wait).map_err(named)?;
        Ok(connection)
    }

    fn introduce(&mut self, settings: &ClientSettings, wait: &Wait<'_>) -> Result<(), ProducerError> {
        let (code, versions) = self.ask_in(AskVersions::API.versions.1, &AskVersions, wait)?;
        check(AskVersions::API.name, code)?;
        if let Some(api) = versions.lacks() {
            let what = format!("the broker knows no version of {} from {} to {}", api.name, api.versions.0, api.versions.1);
            return Err(ProducerError::Refused { what, code: ErrorCode::UNSUPPORTED_VERSION });
        }
        self.versions = versions;
        settings.password.as_ref().map_or(Ok(()), |password| self.authenticate(password, wait))
    }

    fn authenticate(&mut self, password: &Password, wait: &Wait<'_>) -> Result<(), ProducerError> {
        let mechanism = password.mechanism.name();
        let (code, known) = self.ask(&SaslHandshake { mechanism }, wait)?;
        check(&format!("{mechanism}, where the broker knows {}", known.join(", ")), code)?;
        let started = Instant::now();
        let lifetime_ms = scram::authenticate(password, &mut |message| {
            let answer = self.ask(&SaslAuthenticate { message }, wait)?;
            check(answer.error.as_deref().unwrap_or("password"), answer.code)?;
            Ok((answer.message, answer.lifetime_ms))
        })?;
        // A little before, so that no transaction is cut off by it.
        let lifetime = u64::try_from(lifetime_ms).ok().filter(|&lifetime_ms| lifetime_ms > 0);
        self.expires = lifetime.map(|lifetime_ms| started + Duration::from_millis(lifetime_ms / 10 * 8));
        Ok(())
    }

    pub(super) const fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Whether a new transaction can rely on it.
    pub(super) fn is_fresh(&self) -> bool {
        self.used.elapsed() < IDLE && self.expires.is_none_or(|expires| Instant::now() < expires) && self.stream.is_open()
    }

    /// Sends a request in the newest version up to `newest` that both sides know.
    pub(super) fn send<R: Request>(&mut self, request: &R, newest: i16, wait: &Wait<'_>) -> Result<Sent, ProducerError> {
        let unknown = || ProducerError::Refused { what: R::API.name.to_owned(), code: ErrorCode::UNSUPPORTED_VERSION };
        let version = self.versions.of(R::API).ok_or_else(unknown)?.min(newest);
        self.send_in(version, request, wait)
    }

    fn send_in<R: Request>(&mut self, version: i16, request: &R, wait: &Wait<'_>) -> Result<Sent, ProducerError> {
        let correlation = self.next_correlation;
        self.next_correlation = correlation.wrapping_add(1);
        wire::frame(request, version, correlation, &self.client_id, &mut self.outgoing);
        self.stream.write_all(&self.outgoing, R::API.name, wait)?;
        self.used = Instant::now();
        Ok(Sent { version, correlation })
    }

    /// The answer to the oldest request that has none yet.
    pub(super) fn receive<R: Request>(&mut self, sent: Sent, wait: &Wait<'_>) -> Result<R::Answer, ProducerError> {
        let name = R::API.name;
        let length = loop {
            if let Some((length, _)) = self.incoming.split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if length > LARGEST_ANSWER {
                    return Err(ProducerError::Unreachable(format!("{name}: an answer of {length} bytes")));
                }
                if self.incoming.len() >= 4 + length {
                    break length;
                }
            }
            if !self.incoming.is_empty() {
                // An answer that comes byte by byte is not waited for any longer than one that does not come.
                wait.go_on(name)?;
            }
            self.stream.read(&mut self.incoming, READ_AT_ONCE, name, wait)?;
        };
        let answer = wire::answer::<R>(sent.version, sent.correlation, &self.incoming[4..4 + length]);
        self.incoming.drain(..4 + length);
        self.used = Instant::now();
        answer.map_err(|malformed| ProducerError::Unreachable(format!("{name}: {malformed}")))
    }

    /// Sends a request and waits for its answer; nothing else is under way.
    pub(super) fn ask<R: Request>(&mut self, request: &R, wait: &Wait<'_>) -> Result<R::Answer, ProducerError> {
        self.ask_up_to(i16::MAX, request, wait)
    }

    pub(super) fn ask_up_to<R: Request>(&mut self, newest: i16, request: &R, wait: &Wait<'_>) -> Result<R::Answer, ProducerError> {
        let sent = self.send(request, newest, wait)?;
        self.receive::<R>(sent, wait)
    }

    fn ask_in<R: Request>(&mut self, version: i16, request: &R, wait: &Wait<'_>) -> Result<R::Answer, ProducerError> {
        let sent = self.send_in(version, request, wait)?;
        self.receive::<R>(sent, wait)
    }
}
