//! The truth of a simulated run, in files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use producers::simulate::TruthSink;
use producers::simulate::truth::{ResumeTruth, SessionTruth, Totals};
use serde::Serialize;

/// Where in the data folder the truth lies.
pub(super) const TRUTH: &str = "truth";

/// The files of one run. They bear their names only once they are complete: a run that goes on after it was cut off writes all of them anew.
pub(super) struct TruthFiles {
    sessions: TruthFile,
    resume: TruthFile,
    totals: TruthFile,
}

/// The totals of a run, and where it went.
#[derive(Serialize)]
struct TotalsLine<'t> {
    #[serde(flatten)]
    totals: &'t Totals,
    log: &'t str,
}

struct TruthFile {
    path: PathBuf,
    unfinished: PathBuf,
    out: BufWriter<File>,
}

impl TruthFiles {
    /// The files of `run` in `folder`. `is_known`: the log knows the run, so files that are there are its own.
    ///
    /// # Errors
    /// Where they can't be made, or are there although the log knows no such run.
    pub(super) fn create(folder: &Path, run: &str, is_known: bool) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let file = |kind: &str| TruthFile::path(folder, run, kind);
        let paths = [file("sessions"), file("resume"), file("totals")];
        if let Some(path) = paths.iter().find(|path| !is_known && path.exists()) {
            bail!(
                "{} is there, but the log does not know how far that run came: its events might count as duplicates; take another --seed or --start",
                path.display()
            );
        }
        let [sessions, resume, totals] = paths.map(TruthFile::create);
        Ok(Self { sessions: sessions?, resume: resume?, totals: totals? })
    }

    /// Gives the files their names; the totals come last, so where it is the others are too. `log` is where the run went:
    /// those to the folder and to clusters lie side by side, and each is true of its own log.
    pub(super) fn finish(mut self, totals: &Totals, log: &str) -> anyhow::Result<[PathBuf; 3]> {
        self.totals.line(&TotalsLine { totals, log }).with_context(|| self.totals.unfinished.display().to_string())?;
        Ok([self.sessions.finish()?, self.resume.finish()?, self.totals.finish()?])
    }
}

impl TruthSink for TruthFiles {
    fn session(&mut self, truth: &SessionTruth) -> io::Result<()> {
        self.sessions.line(truth)
    }

    fn resume(&mut self, truth: &ResumeTruth) -> io::Result<()> {
        self.resume.line(truth)
    }
}

impl TruthFile {
    fn path(folder: &Path, run: &str, kind: &str) -> PathBuf {
        folder.join(format!("{run}.{kind}.ndjson"))
    }

    fn create(path: PathBuf) -> anyhow::Result<Self> {
        let unfinished = path.with_extension("ndjson.unfinished");
        let file = File::create(&unfinished).with_context(|| format!("cannot write {}", unfinished.display()))?;
        Ok(Self { path, unfinished, out: BufWriter::with_capacity(1 << 16, file) })
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }

    fn finish(mut self) -> anyhow::Result<PathBuf> {
        let cannot = || format!("cannot write {}", self.unfinished.display());
        self.out.flush().and_then(|()| self.out.get_ref().sync_all()).with_context(cannot)?;
        fs::rename(&self.unfinished, &self.path).with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(self.path)
    }
}
