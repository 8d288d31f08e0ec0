//! The files of the truth: one object a line, found again by what it is about.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;

/// How the file with a run's totals ends. It comes last, so where it is the others are too.
const TOTALS: &str = ".totals.ndjson";

/// How the files of a run end that was not finished.
const UNFINISHED: &str = ".unfinished";

/// The totals of every run that was finished. What is unfinished beside them is a copy that was being made anew.
pub(super) fn runs(truth: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let nothing = || format!("--truth: there is no truth in {}: `playhead simulate` writes it", truth.display());
    let mut runs = Vec::new();
    for entry in std::fs::read_dir(truth).with_context(nothing)? {
        let path = entry.with_context(nothing)?.path();
        let name = path.to_str().unwrap_or_default();
        if name.ends_with(UNFINISHED) && !is_finished(&path) {
            bail!("--truth: {name}: that run was cut off: run the same `playhead simulate` again, and it goes on where it stopped");
        }
        if name.ends_with(TOTALS) {
            runs.push(path);
        }
    }
    if runs.is_empty() {
        bail!(nothing());
    }
    runs.sort();
    Ok(runs)
}

/// Whether the run of an unfinished file, `<run>.<kind>.ndjson.unfinished`, has its totals.
fn is_finished(unfinished: &Path) -> bool {
    let name = unfinished.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let run = name.strip_suffix(UNFINISHED).and_then(|name| name.strip_suffix(".ndjson")).and_then(|name| name.rsplit_once('.'));
    run.is_some_and(|(run, _)| unfinished.with_file_name(format!("{run}{TOTALS}")).exists())
}

/// Another file of the same run.
pub(super) fn beside(totals: &Path, ending: &str) -> PathBuf {
    let name = totals.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    totals.with_file_name(format!("{}{ending}", name.strip_suffix(TOTALS).unwrap_or(name)))
}

/// Every line of a file.
pub(super) fn lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<T>>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let path = path.to_owned();
    Ok((1..).zip(BufReader::with_capacity(1 << 16, file).lines()).map(move |(number, line)| {
        let problem = || format!("{}, line {number}", path.display());
        serde_json::from_str(&line.with_context(problem)?).with_context(problem)
    }))
}

/// Where a line is, and in which tables it was found.
struct Place {
    file: usize,
    offset: u64,
    bytes: usize,
    found: [bool; 2],
}

/// Lines by what they are about. The lines stay in their files.
pub(super) struct TruthLines<K> {
    files: Vec<(PathBuf, File)>,
    places: BTreeMap<K, Place>,
}

impl<K: Ord> TruthLines<K> {
    /// Of files with lines `T`, each of which `key` says what it is about.
    pub(super) fn read<T: DeserializeOwned>(paths: impl IntoIterator<Item = PathBuf>, key: impl Fn(T) -> K) -> anyhow::Result<Self> {
        let (mut files, mut places) = (Vec::new(), BTreeMap::new());
        for path in paths {
            let problem = || format!("cannot read {}", path.display());
            let mut input = BufReader::with_capacity(1 << 16, File::open(&path).with_context(problem)?);
            let (mut line, mut offset) = (String::new(), 0);
            for number in 1.. {
                line.clear();
                let bytes = input.read_line(&mut line).with_context(problem)?;
                if bytes == 0 {
                    break;
                }
                let parsed = serde_json::from_str(&line).with_context(|| format!("{}, line {number}", path.display()))?;
                places.insert(key(parsed), Place { file: files.len(), offset, bytes, found: [false; 2] });
                offset += bytes as u64;
            }
            files.push((path, input.into_inner()));
        }
        Ok(Self { files, places })
    }

    pub(super) fn len(&self) -> u64 {
        self.places.len() as u64
    }

    /// The line about this, which was found in a table.
    pub(super) fn take<T: DeserializeOwned>(&mut self, key: &K, table: usize) -> anyhow::Result<Option<T>> {
        let Some(place) = self.places.get_mut(key) else { return Ok(None) };
        place.found[table] = true;
        let (path, file) = &mut self.files[place.file];
        let mut line = vec![0; place.bytes];
        let read = file.seek(SeekFrom::Start(place.offset)).and_then(|_| file.read_exact(&mut line));
        read.with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Some(serde_json::from_slice(&line).with_context(|| path.display().to_string())?))
    }

    /// What was not found in a table.
    pub(super) fn not_found(&self, table: usize) -> impl Iterator<Item = &K> {
        self.places.iter().filter(move |(_, place)| !place.found[table]).map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_key_wherever_they_stand() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [("a", "[1,\"one\"]\n[2,\"zwei, länger\"]\n"), ("b", "[3,\"\"]\n")].map(|(name, text)| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        });
        let mut lines = TruthLines::read(paths, |(number, _): (u32, String)| number).unwrap();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines.take::<(u32, String)>(&2, 0).unwrap(), Some((2, "zwei, länger".to_owned())));
        assert_eq!(lines.take::<(u32, String)>(&3, 1).unwrap(), Some((3, String::new())));
        assert_eq!(lines.take::<(u32, String)>(&4, 0).unwrap(), None);
        assert_eq!(lines.not_found(0).collect::<Vec<_>>(), [&1, &3]);
        assert_eq!(lines.not_found(1).collect::<Vec<_>>(), [&1, &2]);
    }
}
