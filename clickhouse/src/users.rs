//! Who may ask, and what for. The engine knows one user; who asks is settled before it is asked.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rights {
    /// Read tables.
    Read,
    /// All that stays within the engine's folder.
    Write,
    /// All that the engine can, files and network of this machine included.
    Owner,
}

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// What the user may do.
    pub rights: Rights,
    /// SHA-256 of the password. None: none is asked for.
    password: Option<[u8; 32]>,
}

/// All users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users(BTreeMap<String, User>);

/// A file of users that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct UsersError {
    path: String,
    problem: String,
}

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotLetIn {
    NoPassword,
    WrongPassword,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    users: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rights: Rights,
    password: Option<String>,
    password_sha256: Option<String>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}, {})", self.name, self.rights, if self.password.is_some() { "with a password" } else { "without a password" })
    }
}

impl Users {
    /// `default` without a password, who may do all that stays within the folder: for a server that only this machine reaches.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self::from([User { name: "default".to_owned(), rights: Rights::Write, password: None }])
    }

    /// Users as a program knows them: name, rights and password.
    #[must_use]
    pub fn with_passwords(users: &[(&str, Rights, &str)]) -> Self {
        users
            .iter()
            .map(|(name, rights, password)| User { name: (*name).to_owned(), rights: *rights, password: Some(digest(password.as_bytes())) })
            .collect()
    }

    /// Reads a file in TOML: `[users.NAME]` with `rights` (read, write, owner) and `password` or `password_sha256` (hexadecimal).
    ///
    /// # Errors
    /// Where the file can't be read, or something in it is wrong: it is named, passwords are not.
    pub fn read(path: &Path) -> Result<Self, UsersError> {
        let wrong = |problem: String| UsersError { path: path.display().to_string(), problem };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(wrong)
    }

    /// As [`Users::read`], of the file's text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // The message alone: the error's text would show the line, and with it perhaps a password.
        let file: File = toml::from_str(text).map_err(|error| error.message().replace('\n', " "))?;
        if file.users.is_empty() {
            return Err("names no user: [users.NAME]".to_owned());
        }
        let users = file.users.into_iter().map(|(name, entry)| {
            let password = entry.digest().map_err(|problem| format!("users.{name}: {problem}"))?;
            Ok(User { name, rights: entry.rights, password: Some(password) })
        });
        users.collect()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.0.values()
    }

    /// Whether everybody is asked for a password.
    #[must_use]
    pub fn all_have_passwords(&self) -> bool {
        self.iter().all(|user| user.password.is_some())
    }

    pub(crate) fn authenticate(&self, name: &str, password: Option<&[u8]>) -> Result<&User, NotLetIn> {
        let user = self.0.get(name);
        // The password is digested whoever asks, so that the time tells nobody which names there are.
        let given = digest(password.unwrap_or_default());
        match user {
            Some(user) if user.password.is_none_or(|wanted| is_equal(&wanted, &given)) => Ok(user),
            _ if password.is_none_or(<[u8]>::is_empty) => Err(NotLetIn::NoPassword),
            _ => Err(NotLetIn::WrongPassword),
        }
    }
}

impl FromIterator<User> for Users {
    fn from_iter<T: IntoIterator<Item = User>>(users: T) -> Self {
        Self(users.into_iter().map(|user| (user.name.clone(), user)).collect())
    }
}

impl<const N: usize> From<[User; N]> for Users {
    fn from(users: [User; N]) -> Self {
        users.into_iter().collect()
    }
}

impl Entry {
    fn digest(&self) -> Result<[u8; 32], &'static str> {
        match (&self.password, &self.password_sha256) {
            (Some(password), None) if !password.is_empty() => Ok(digest(password.as_bytes())),
            (None, Some(text)) => from_hex(text).ok_or("password_sha256: must be 64 hexadecimal digits"),
            _ => Err("needs password or password_sha256, one of them"),
        }
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

fn digest(password: &[u8]) -> [u8; 32] {
    Sha256::digest(password).into()
}

/// In a time that does not depend on where they differ.
fn is_equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests;
