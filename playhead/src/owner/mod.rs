//! Questions to a folder that another process owns: that process answers them, over loopback.
//!
//! The command line goes there as it is, and what comes back is what the command would have printed, in [`frames`].

pub(crate) mod frames;

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::data_folder::OwnerFile;
use crate::failure::Verdict;
use frames::End;

/// Where an owner takes command lines.
pub(crate) const PATH: &str = "/v1/commands";

/// How long the owner may take to let us in. Its answer is waited for as long as it lives: a copy of a large folder takes its time.
const PATIENCE: Duration = Duration::from_secs(10);

/// A command line, without the program's name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    pub(crate) arguments: Vec<String>,
}

/// Has the owner of a folder carry out a command, and prints what it says.
///
/// # Errors
/// Where the owner does not answer, or the command fails there.
pub(crate) fn ask(owner: &OwnerFile, arguments: Vec<String>) -> anyhow::Result<Verdict> {
    let cannot = || format!("the folder's owner, process {} at {}, does not answer", owner.process_id, owner.url());
    let mut answer = send(owner, &Question { arguments }).with_context(cannot)?;
    let status = read_head(&mut answer).with_context(cannot)?;
    if status != 200 {
        bail!("{}: status {status}", cannot());
    }
    let mut out = anstream::stdout();
    match frames::read(&mut answer, &mut out).with_context(cannot)? {
        End::Done { is_well } => {
            out.flush()?;
            Ok(if is_well { Verdict::Well } else { Verdict::BadNews })
        }
        End::Failed { error } => bail!(error),
    }
}

/// HTTP/1.0: the answer ends with the connection.
fn send(owner: &OwnerFile, question: &Question) -> io::Result<BufReader<TcpStream>> {
    let body = serde_json::to_string(question)?;
    let mut stream = TcpStream::connect_timeout(&owner.address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "POST {PATH} HTTP/1.0\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        owner.address,
        owner.token,
        body.len()
    )?;
    Ok(BufReader::new(stream))
}

/// The status, once the head has been read.
fn read_head(answer: &mut BufReader<TcpStream>) -> io::Result<u16> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "it does not speak HTTP");
    let mut line = String::new();
    answer.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(invalid)?;
    while !line.trim_end().is_empty() {
        line.clear();
        if answer.read_line(&mut line)? == 0 {
            return Err(invalid());
        }
    }
    Ok(status)
}
