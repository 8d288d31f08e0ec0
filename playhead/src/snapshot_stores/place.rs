//! What `state.snapshots` names.

use std::path::{Path, PathBuf};

use url::{ParseError, Url};

/// A place for saved states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotPlace {
    /// The folder `snapshots` of the data folder.
    DataFolder,
    Folder(PathBuf),
    S3(Bucket),
}

/// A bucket of S3, or of a server that speaks its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    /// What all keys begin with, without a slash at either end; may be empty.
    pub(crate) prefix: String,
    /// URL of the server; none: what `AWS_ENDPOINT` says, or Amazon's.
    pub(crate) endpoint: Option<String>,
}

impl Bucket {
    /// As `state.snapshots` says it.
    pub(crate) fn address(&self) -> String {
        let separator = if self.prefix.is_empty() { "" } else { "/" };
        format!("s3://{}{separator}{}", self.name, self.prefix)
    }
}

impl SnapshotPlace {
    /// Where it is on this machine, under the data folder `data`, if it is here.
    pub(crate) fn folder(&self, data: &Path) -> Option<PathBuf> {
        match self {
            Self::DataFolder => Some(data.join("snapshots")),
            Self::Folder(folder) => Some(folder.clone()),
            Self::S3(_) => None,
        }
    }

    /// Reads `s3://bucket/prefix`, `file:///folder`, or the path of a folder; nothing is the data folder.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn parse(text: &str, endpoint: Option<String>) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::DataFolder);
        }
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(ParseError::RelativeUrlWithoutBase) => return Ok(Self::Folder(PathBuf::from(text))),
            Err(error) => return Err(format!("{text:?} is no URL ({error}), and {EXPECTED}")),
        };
        match url.scheme() {
            "file" => match url.to_file_path() {
                Ok(path) if url.query().is_none() && url.fragment().is_none() => Ok(Self::Folder(path)),
                _ => Err(format!("{text:?} names no folder of this machine, {EXPECTED}")),
            },
            "s3" => Ok(Self::S3(bucket(text, &url, endpoint)?)),
            scheme => Err(format!("{text:?} begins with {scheme}: and {EXPECTED}")),
        }
    }
}

impl std::fmt::Display for SnapshotPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DataFolder => f.write_str("snapshots in the data folder"),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::S3(bucket) => f.write_str(&bucket.address()),
        }
    }
}

const EXPECTED: &str =
    "must be a folder, as in /var/lib/playhead/snapshots or file:///var/lib/playhead/snapshots, or as in s3://bucket/prefix";

fn bucket(text: &str, url: &Url, endpoint: Option<String>) -> Result<Bucket, String> {
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated: it is a secret.
        return Err("holds a user or password: keys of S3 belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned());
    }
    if url.port().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{text:?} has more than a bucket and a prefix, {EXPECTED}"));
    }
    let name = url.host_str().filter(|name| !name.is_empty()).ok_or_else(|| format!("{text:?} names no bucket, {EXPECTED}"))?;
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !name.chars().all(is_of_a_name) {
        return Err(format!("{text:?}: {name:?} is no name of a bucket: letters, digits, - and . only"));
    }
    let prefix = object_store::path::Path::from_url_path(url.path()).map_err(|error| format!("{text:?} has no usable prefix: {error}"))?;
    Ok(Bucket { name: name.to_owned(), prefix: prefix.to_string(), endpoint })
}

/// Reads the URL of a server of S3; nothing is none.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn endpoint(text: &str) -> Result<Option<String>, String> {
    match Url::parse(text) {
        _ if text.is_empty() => Ok(None),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("a URL holds no password: keys come by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned())
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(text.trim_end_matches('/').to_owned())),
        _ => Err(format!("{text:?} must be a URL, as in http://127.0.0.1:7070")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(name: &str, prefix: &str) -> SnapshotPlace {
        SnapshotPlace::S3(Bucket { name: name.to_owned(), prefix: prefix.to_owned(), endpoint: None })
    }

    #[test]
    fn folders_and_buckets() {
        let cases = [
            ("", SnapshotPlace::DataFolder),
            ("snapshots", SnapshotPlace::Folder("snapshots".into())),
            ("../with space/ü", SnapshotPlace::Folder("../with space/ü".into())),
            ("/srv/snapshots", SnapshotPlace::Folder("/srv/snapshots".into())),
            ("file:///srv/with%20space", SnapshotPlace::Folder("/srv/with space".into())),
            ("file:/srv/snapshots", SnapshotPlace::Folder("/srv/snapshots".into())),
            ("s3://bucket", s3("bucket", "")),
            ("s3://bucket/", s3("bucket", "")),
            ("s3://My-bucket.1/a/b/", s3("My-bucket.1", "a/b")),
            ("s3://bucket/with%20space", s3("bucket", "with space")),
        ];
        for (text, expected) in cases {
            let place = SnapshotPlace::parse(text, None).unwrap();
            assert_eq!(place, expected, "{text:?}");
            if let SnapshotPlace::S3(bucket) = place {
                assert_eq!(bucket.address().replace(' ', "%20"), text.trim_end_matches('/'));
            }
        }
    }

    #[test]
    fn what_names_no_place_is_refused() {
        let cases = [
            ("gs://bucket/prefix", "begins with gs: and must be a folder"),
            ("s3a://bucket", "begins with s3a:"),
            ("s3:bucket", "names no bucket"),
            ("s3://", "names no bucket"),
            ("s3:///prefix", "names no bucket"),
            ("s3://bucket:9000/prefix", "more than a bucket and a prefix"),
            ("s3://bucket/prefix?region=eu", "more than a bucket and a prefix"),
            ("s3://bucket/a//b", "no usable prefix"),
            ("s3://buck*et/a", "is no name of a bucket"),
            ("file://elsewhere/srv", "names no folder of this machine"),
        ];
        for (text, expected) in cases {
            let said = SnapshotPlace::parse(text, None).unwrap_err();
            assert!(said.contains(expected), "{text:?}: {said}");
        }
        let said = SnapshotPlace::parse("s3://key:secret@bucket/prefix", None).unwrap_err();
        assert!(said.contains("AWS_SECRET_ACCESS_KEY") && !said.contains("secret@"), "{said}");
    }

    #[test]
    fn endpoints() {
        assert_eq!(endpoint(""), Ok(None));
        for (text, expected) in [("http://127.0.0.1:7070/", "http://127.0.0.1:7070"), ("https://s3.example.org", "https://s3.example.org")]
        {
            assert_eq!(endpoint(text).unwrap().as_deref(), Some(expected));
        }
        for text in ["127.0.0.1:7070", "localhost:7070", "ftp://s3.example.org", "http://", "localhost"] {
            let said = endpoint(text).unwrap_err();
            assert!(said.contains("must be a URL"), "{text:?}: {said}");
        }
        let said = endpoint("http://someone:s3cret@127.0.0.1:7070").unwrap_err();
        assert!(!said.contains("s3cret"), "{said}");
    }
}
