//! FULL_TRANSITIVE: what any version wrote, every other can read.
//!
//! Avro's own rules come from apache-avro (`can_read` both ways; a partial yes is a no). It is lax where a value would be read and mean
//! something else, so what was released is also frozen: names, order and types of fields, symbols of enums, sizes of fixed.

use std::fmt;

use apache_avro::Schema as Parsed;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};

pub use crate::catalogue::{RECORDS, RecordCheck, RecordSchemas, Released, check_all, schemas_of};
use crate::schema::{Field, Kind, NodeId, Schema};

/// Why a schema may not follow one that was released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incompatibility {
    /// The record.
    pub record: String,
    /// The field, nested ones with dots; none where it is the schema as a whole.
    pub field: Option<String>,
    /// The released version that it breaks.
    pub version: u32,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} against version {}", self.record, self.version)?;
        if let Some(field) = &self.field {
            write!(f, ", field {field}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for Incompatibility {}

/// Holds a new schema against every released version of its record.
///
/// # Errors
/// Everything that is wrong, version by version.
pub fn check_full_transitive(new: &str, released: &[Released<'_>]) -> Result<(), Vec<Incompatibility>> {
    let mut found = Vec::new();
    for old in released {
        check_pair(new, old, &mut found);
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn check_pair(new: &str, old: &Released<'_>, found: &mut Vec<Incompatibility>) {
    let (new_schema, old_schema) = match (Schema::parse(new), Schema::parse(old.schema)) {
        (Ok(new), Ok(old)) => (new, old),
        (new, old_schema) => {
            for (which, error) in [("new", new.err()), ("released", old_schema.err())] {
                found.extend(error.map(|error| whole("?", old.version, format!("the {which} schema: {error}"))));
            }
            return;
        }
    };
    let record = old_schema.name().to_owned();
    let before = found.len();
    let mut frozen = Frozen { record: &record, version: old.version, new: &new_schema, old: &old_schema, seen: Vec::new(), found };
    frozen.name();
    frozen.node(new_schema.root(), old_schema.root(), "");
    // Where our own rules have said what is wrong, Avro's would say it again, in fewer words.
    if found.len() == before {
        check_avro(new, old, &record, found);
    }
}

fn check_avro(new: &str, old: &Released<'_>, record: &str, found: &mut Vec<Incompatibility>) {
    let (Ok(new), Ok(old_schema)) = (Parsed::parse_str(new), Parsed::parse_str(old.schema)) else {
        unreachable!("both were parsed before")
    };
    for (writer, reader, words) in [
        (&old_schema, &new, "the new schema can't read what the released one wrote"),
        (&new, &old_schema, "the released schema can't read what the new one writes"),
    ] {
        let problem = match SchemaCompatibility::can_read(writer, reader) {
            Ok(Compatibility::Full) => continue,
            Ok(Compatibility::Partial) => format!("{words} in every case"),
            Err(error) => format!("{words}: {error}"),
        };
        found.push(whole(record, old.version, problem));
    }
}

fn whole(record: &str, version: u32, problem: String) -> Incompatibility {
    Incompatibility { record: record.to_owned(), field: None, version, problem }
}

/// The rules of our own, over one pair of schemas.
struct Frozen<'c> {
    record: &'c str,
    version: u32,
    new: &'c Schema,
    old: &'c Schema,
    /// Pairs of types that were compared, so that a type that holds itself ends.
    seen: Vec<(NodeId, NodeId)>,
    found: &'c mut Vec<Incompatibility>,
}

impl Frozen<'_> {
    fn report(&mut self, field: &str, problem: String) {
        let field = (!field.is_empty()).then(|| field.to_owned());
        self.found.push(Incompatibility { record: self.record.to_owned(), field, version: self.version, problem });
    }

    fn name(&mut self) {
        if self.new.name() != self.old.name() {
            self.report("", format!("the record is called {:?}, was {:?}", self.new.name(), self.old.name()));
        }
    }

    fn node(&mut self, new: NodeId, old: NodeId, field: &str) {
        if self.seen.contains(&(new, old)) {
            return;
        }
        self.seen.push((new, old));
        let (new_schema, old_schema) = (self.new, self.old);
        let (new_node, old_node) = (new_schema.node(new), old_schema.node(old));
        if new_node.meaning != old_node.meaning {
            return self.other_type(new, old, field);
        }
        match (&new_node.kind, &old_node.kind) {
            (Kind::Record(new), Kind::Record(old)) => self.fields(new, old, field),
            (Kind::Enum { symbols: new, default }, Kind::Enum { symbols: old, default: old_default }) => {
                self.symbols(new, old, field);
                if default != old_default {
                    self.report(field, format!("the enum's default is {default:?}, was {old_default:?}"));
                }
                if new.len() > old.len() && old_default.is_none() {
                    self.report(field, "symbols added to an enum without default, which older readers can't read".to_owned());
                }
            }
            (Kind::Array(new), Kind::Array(old)) | (Kind::Map(new), Kind::Map(old)) => self.node(*new, *old, field),
            (Kind::Union(new_branches), Kind::Union(old_branches)) if new_branches.len() == old_branches.len() => {
                for (new, old) in new_branches.iter().zip(old_branches) {
                    self.node(*new, *old, field);
                }
            }
            (Kind::Fixed(new), Kind::Fixed(old)) if new != old => self.report(field, format!("the size is {new}, was {old}")),
            (new_kind, old_kind) if new_kind == old_kind => {}
            _ => self.other_type(new, old, field),
        }
    }

    fn other_type(&mut self, new: NodeId, old: NodeId, field: &str) {
        self.report(field, format!("the type is {}, was {}", self.new.describe(new), self.old.describe(old)));
    }

    fn symbols(&mut self, new: &[String], old: &[String], field: &str) {
        for symbol in old.iter().filter(|symbol| !new.contains(symbol)) {
            self.report(field, format!("symbol {symbol} was removed"));
        }
        let kept: Vec<_> = old.iter().filter(|symbol| new.contains(symbol)).collect();
        if !new.iter().filter(|symbol| old.contains(symbol)).eq(kept) || (new.len() >= old.len() && !new.starts_with(old)) {
            self.report(field, "the symbols are in another order: new ones go to the end".to_owned());
        }
    }

    fn fields(&mut self, new: &[Field], old: &[Field], parent: &str) {
        let path = |name: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        for field in old {
            match new.iter().find(|candidate| candidate.name == field.name) {
                Some(candidate) => {
                    self.node(candidate.node, field.node, &path(&field.name));
                    if field.default.is_some() && candidate.default.is_none() {
                        self.report(&path(&field.name), "lost its default".to_owned());
                    }
                }
                None if field.default.is_none() => {
                    self.report(&path(&field.name), "was removed or renamed, and has no default".to_owned());
                }
                None => {}
            }
        }
        for field in new.iter().filter(|field| field.default.is_none() && !old.iter().any(|candidate| candidate.name == field.name)) {
            self.report(&path(&field.name), "was added without a default".to_owned());
        }
        self.order(new, old, parent);
    }

    fn order(&mut self, new: &[Field], old: &[Field], parent: &str) {
        let kept = |of: &[Field], by: &[Field]| -> Vec<String> {
            of.iter().filter(|field| by.iter().any(|other| other.name == field.name)).map(|field| field.name.clone()).collect()
        };
        let (now, was) = (kept(new, old), kept(old, new));
        if let Some((now, was)) = now.iter().zip(&was).find(|(now, was)| now != was) {
            let field = if parent.is_empty() { now.clone() } else { format!("{parent}.{now}") };
            self.report(&field, format!("the order of fields was changed: {now} stands where {was} was"));
        }
    }
}
