//! What becomes of saved states between a kill and the next start. Any file there is like any other.

use std::fs;
use std::path::{Path, PathBuf};

use pipeline::testing::Seeded;

use crate::support::Folder;

/// What befalls them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Kept,
    Deleted,
    /// One of them is cut short, or has a bit flipped.
    OneDamaged,
    /// Each has a bit flipped.
    AllDamaged,
}

impl Fate {
    /// How many files it befell.
    pub(super) fn befall(self, folder: &Folder, random: &mut Seeded) -> u64 {
        let mut files = files(folder);
        match self {
            Self::Kept => files.clear(),
            Self::Deleted => files.iter().for_each(|file| fs::remove_file(file).unwrap()),
            Self::OneDamaged => {
                let count = files.len() as u64;
                files = files.into_iter().nth(random.below(count) as usize).into_iter().collect();
                let damage = if random.below(2) == 0 { cut_short } else { flip_a_bit };
                files.iter().for_each(|file| damage(file, random));
            }
            Self::AllDamaged => files.iter().for_each(|file| flip_a_bit(file, random)),
        }
        files.len() as u64
    }
}

fn cut_short(file: &Path, random: &mut Seeded) {
    let bytes = fs::read(file).unwrap();
    fs::write(file, &bytes[..random.below(bytes.len() as u64) as usize]).unwrap();
}

fn flip_a_bit(file: &Path, random: &mut Seeded) {
    let mut bytes = fs::read(file).unwrap();
    let at = random.below(bytes.len() as u64) as usize;
    // One that was just begun has no bytes.
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << random.below(8);
        fs::write(file, bytes).unwrap();
    }
}

/// Every file with saved states, in the order of names.
pub(super) fn files(folder: &Folder) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&folder.data().join("snapshots"), &mut found);
    found.sort();
    found
}

/// Whether the process died while it wrote one.
pub(super) fn is_one_being_written(folder: &Folder) -> bool {
    files(folder).iter().any(|file| file.extension().is_some_and(|extension| extension == "unfinished"))
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, found) } else { found.push(path) }
    }
}
