//! The schema registry: it answers, knows our schemas, and guards them.

use std::io;

use registry::{FULL_TRANSITIVE, RegistryClient};

use super::Findings;
use crate::commands::subjects;
use crate::config::Config;

/// The client, where the registry answers.
pub(super) fn examine(config: &Config, findings: &mut Findings<'_>) -> io::Result<Option<RegistryClient>> {
    let check = "schema registry";
    if !config.registry.is_set() {
        if config.kafka.is_set() {
            findings.failure(check, "none is set", "name one with --registry URL, registry.url or PLAYHEAD_REGISTRY_URL")?;
        }
        return Ok(None);
    }
    let client = match config.registry.client() {
        Ok(client) => client,
        Err(error) => {
            findings.failure(check, &format!("{error:#}"), "correct the settings under [registry]")?;
            return Ok(None);
        }
    };
    // One question first: where nobody answers, the others would be asked in vain, each for its time.
    let asked = client.subjects().and_then(|there| Ok((there.len(), subjects::ask(&client)?)));
    let (there, subjects) = match asked {
        Ok(found) => found,
        Err(error) => {
            let mend = "see that it runs, and that registry.url, user, password or token and ca_file are right";
            findings.failure(check, &error.to_string(), mend)?;
            return Ok(None);
        }
    };
    findings.ok(check, &format!("it answers, with {there} subjects"))?;
    let mut is_well = true;
    for subject in &subjects {
        let check = format!("schema {}", subject.name);
        if !subject.refused.is_empty() {
            is_well = false;
            let mend = "another version of playhead, or somebody else, has registered a schema that does not go with ours";
            findings.failure(&check, &subject.refused.join("; "), mend)?;
        } else if subject.there.is_none() {
            is_well = false;
            findings.warning(&check, "is not registered", "`playhead schemas register`, or let the first process do it")?;
        } else if !subject.is_guarded() {
            is_well = false;
            let level = subject.level.as_deref().unwrap_or("unknown");
            let detail = format!("its compatibility level is {level}, so a schema that breaks readers would be taken");
            findings.warning(&check, &detail, &format!("`playhead schemas register` makes it {FULL_TRANSITIVE}"))?;
        }
    }
    if is_well {
        findings.ok("schemas", &format!("all {} are registered, compatible and guarded", subjects.len()))?;
    }
    Ok(Some(client))
}
