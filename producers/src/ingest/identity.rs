//! The ids of events whose client sent none.

use std::collections::HashMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::identity::Content;

/// Numbers equal events, so that two equal lines are two events, and the same file sent twice has the same ids.
#[derive(Default)]
pub(crate) struct EventIds {
    seen: HashMap<u128, u32>,
}

impl EventIds {
    /// A hash of the fields as the client sent them (whatever their order and spacing), and the index among equal events.
    pub(crate) fn next_id(&mut self, sent: &Map<String, Value>) -> Uuid {
        let mut canonical = String::new();
        write_canonical(&mut canonical, sent);
        let content = Content::default().part(canonical.as_bytes());
        let count = self.seen.entry(content.hash()).or_default();
        let index = *count;
        *count += 1;
        content.number(i64::from(index)).uuid()
    }
}

/// Names in order, no spaces. Fields whose names differ in order alone come out alike.
fn write_canonical(out: &mut String, object: &Map<String, Value>) {
    let mut names: Vec<&String> = object.keys().collect();
    names.sort_unstable();
    out.push('{');
    for name in names {
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        match &object[name] {
            Value::Object(inner) => write_canonical(out, inner),
            other => out.push_str(&other.to_string()),
        }
        out.push(',');
    }
    out.push('}');
}
