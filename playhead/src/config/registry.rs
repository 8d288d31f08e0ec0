//! `[registry]`: the schema registry that commands and processes speak to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use registry::{Address, ClientSettings, Credentials, RegistryClient, Secret};

use super::setting::Values;

/// `[registry]`. Files are read when they are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegistrySettings {
    /// One registry at several addresses; none where it is not set.
    addresses: Vec<Address>,
    access: Access,
    ca_file: Option<PathBuf>,
    timeout: Duration,
    grace: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Access {
    Open,
    Basic { user: String, password: Kept },
    Bearer(Kept),
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    Here(Secret),
    File(PathBuf),
}

impl RegistrySettings {
    /// # Errors
    /// Where a value can't be used, or does not go with another: its origin and its key are named.
    pub(super) fn of(values: &Values) -> anyhow::Result<Self> {
        let (key, text) = ("registry.url", values.text("registry.url"));
        let parts = text.split(',').filter(|_| !text.trim().is_empty());
        let addresses = parts
            .map(|part| Address::parse(part).map_err(|problem| anyhow::anyhow!("{}: {key}: {problem}", values.origin(key))))
            .collect::<anyhow::Result<_>>()?;
        let duration = |key| Duration::from_millis(values.number(key).unsigned_abs());
        Ok(Self {
            addresses,
            access: access(values)?,
            ca_file: path(values, "registry.ca_file"),
            timeout: duration("registry.timeout"),
            grace: duration("registry.grace"),
        })
    }

    /// Whether a registry is set.
    pub(crate) fn is_set(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// A client of the registry that is set.
    ///
    /// # Errors
    /// Where none is set, or a file can't be read or used.
    pub(crate) fn client(&self) -> anyhow::Result<RegistryClient> {
        self.client_with(self.grace)
    }

    /// As [`RegistrySettings::client`], for whoever only reads: no record is refused for an id that is unknown, so the registry's first word
    /// counts.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn reading_client(&self) -> anyhow::Result<RegistryClient> {
        self.client_with(Duration::ZERO)
    }

    fn client_with(&self, grace: Duration) -> anyhow::Result<RegistryClient> {
        if self.addresses.is_empty() {
            bail!("no schema registry is set: name one with --registry URL, registry.url or PLAYHEAD_REGISTRY_URL");
        }
        let settings = self.client_settings(grace)?;
        RegistryClient::new(&settings).with_context(|| self.place())
    }

    /// Whether what is set can be used, be it without an address.
    ///
    /// # Errors
    /// Where a file can't be read, or has nothing in it.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let mut settings = self.client_settings(self.grace)?;
        if settings.addresses.is_empty() {
            settings.addresses.push(Address::parse("https://localhost").map_err(anyhow::Error::msg)?);
        }
        RegistryClient::new(&settings).map(drop).with_context(|| self.place())
    }

    fn place(&self) -> String {
        self.ca_file.as_deref().map_or_else(|| "registry".to_owned(), |path| format!("registry.ca_file ({})", path.display()))
    }

    fn client_settings(&self, grace: Duration) -> anyhow::Result<ClientSettings> {
        let credentials = match &self.access {
            Access::Open => Credentials::None,
            Access::Basic { user, password } => {
                Credentials::Basic { user: user.clone(), password: password.read("registry.password_file")? }
            }
            Access::Bearer(token) => Credentials::Bearer(token.read("registry.token_file")?),
        };
        let authorities = self.ca_file.as_deref().map(|path| read("registry.ca_file", path)).transpose()?;
        Ok(ClientSettings { addresses: self.addresses.clone(), credentials, authorities, timeout: self.timeout, grace })
    }
}

fn access(values: &Values) -> anyhow::Result<Access> {
    let (password, token) =
        (kept(values, "registry.password", "registry.password_file")?, kept(values, "registry.token", "registry.token_file")?);
    let user = values.text("registry.user");
    let origin = values.origin("registry.user");
    match (user.is_empty(), password, token) {
        (true, None, None) => Ok(Access::Open),
        (true, None, Some(token)) => Ok(Access::Bearer(token)),
        (false, Some(password), None) => Ok(Access::Basic { user: user.to_owned(), password }),
        (false, None, None) => bail!("{origin}: registry.user: has no password: set PLAYHEAD_REGISTRY_PASSWORD or registry.password_file"),
        (true, Some(kept), None) => {
            let key = if matches!(kept, Kept::File(_)) { "registry.password_file" } else { "registry.password" };
            bail!("{}: {key}: registry.user is missing beside it", values.origin(key))
        }
        (_, _, Some(_)) => bail!("registry: either a user with a password or a token is used, not both"),
    }
}

fn kept(values: &Values, key: &str, file_key: &str) -> anyhow::Result<Option<Kept>> {
    let secret = values.secret(key);
    match (secret.is_empty(), path(values, file_key)) {
        (true, file) => Ok(file.map(Kept::File)),
        (false, None) => Ok(Some(Kept::Here(secret.clone()))),
        (false, Some(_)) => {
            bail!("{}: {file_key}: {key} is set too, by {}: one of them is enough", values.origin(file_key), values.origin(key))
        }
    }
}

fn path(values: &Values, key: &str) -> Option<PathBuf> {
    Some(values.text(key)).filter(|text| !text.is_empty()).map(PathBuf::from)
}

impl Kept {
    fn read(&self, key: &str) -> anyhow::Result<Secret> {
        let secret = match self {
            Self::Here(secret) => secret.clone(),
            Self::File(path) => {
                let text = String::from_utf8(read(key, path)?).map_err(|_| anyhow::anyhow!("{key}: {} is not UTF-8", path.display()))?;
                Secret::new(text.trim_end_matches(['\r', '\n']))
            }
        };
        if secret.is_empty() {
            bail!("{key}: there is nothing in it");
        }
        Ok(secret)
    }
}

fn read(key: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{key}: cannot read {}", path.display()))
}
