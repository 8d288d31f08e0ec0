//! Where a registry is, and how it is spoken to.

use std::fmt;
use std::time::Duration;

use ureq::http::Uri;

/// The base address of a registry: what comes before `/subjects` and `/schemas`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Reads `http://host:port/path` or the same with https.
    ///
    /// # Errors
    /// What is wrong with it, in words. A password that it holds is not repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_end_matches('/');
        let Some((_, rest)) = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
            return Err(format!("{text:?} is no address of a schema registry, as in http://127.0.0.1:8081"));
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err("an address holds no password: name user and password by settings of their own".to_owned());
        }
        if rest.contains(['?', '#']) {
            return Err(format!("{text:?} has a query, and is to be what comes before /subjects"));
        }
        match text.parse::<Uri>() {
            Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => Ok(Self(text.to_owned())),
            _ => Err(format!("{text:?} is no address of a schema registry, as in http://127.0.0.1:8081")),
        }
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// As text, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What must not be seen in a message or a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret over.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The secret itself, for whoever sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nobody in particular.
    #[default]
    None,
    /// HTTP's basic authentication (RFC 7617).
    Basic {
        /// The user, without a colon.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A bearer token (RFC 6750).
    Bearer(Secret),
}

/// How a registry is spoken to.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// One registry at several addresses, asked in turn; at least one.
    pub addresses: Vec<Address>,
    /// Who asks.
    pub credentials: Credentials,
    /// PEM: the authorities that are believed, and no others; none: those that the system trusts.
    pub authorities: Option<Vec<u8>>,
    /// How long one request may take at one address, from the name's resolution to the last byte.
    pub timeout: Duration,
    /// How long a registry may say of a fresh id that there is no such schema before it is believed. Its replicas may lag behind the one that gave
    /// the id out.
    pub grace: Duration,
}

impl ClientSettings {
    /// The default of [`ClientSettings::timeout`].
    pub const TIMEOUT: Duration = Duration::from_secs(5);
    /// The default of [`ClientSettings::grace`].
    pub const GRACE: Duration = Duration::from_secs(10);

    /// A registry at one address that takes anybody.
    #[must_use]
    pub fn at(address: Address) -> Self {
        Self { addresses: vec![address], credentials: Credentials::None, authorities: None, timeout: Self::TIMEOUT, grace: Self::GRACE }
    }
}

/// Why a registry can't be spoken to as told.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no address.
    #[error("no address of a schema registry")]
    NoAddress,
    /// The authorities are no certificates.
    #[error("the authorities are not certificates in PEM: {0}")]
    Authorities(String),
    /// None was told, and the system trusts nobody.
    #[error("this system trusts no authority: install ca-certificates, or name a file of authorities")]
    NoAuthorities,
    /// User, password or token can't be sent.
    #[error("{0}")]
    Credentials(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, address) in [
            ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
            (" https://registry.example/apis/ccompat/v7/ ", "https://registry.example/apis/ccompat/v7"),
            ("http://[::1]:8081", "http://[::1]:8081"),
        ] {
            assert_eq!(Address::parse(text).unwrap().as_str(), address);
        }
        for text in ["", "127.0.0.1:8081", "ftp://a", "http://", "http://a b", "http://a/?x=1", "http://a#b", "http:///subjects"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        assert!(!Address::parse("http://me:hunter2@a").unwrap_err().contains("hunter2"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials::Basic { user: "me".into(), password: Secret::new("hunter2") };
        assert_eq!(format!("{credentials:?}"), "Basic { user: \"me\", password: *** }");
    }
}
