use expect_test::expect;
use schemas::compatibility::{Released, check_all, check_full_transitive};
use schemas::{PlaybackEvent, Record};
use serde_json::{Value, json};

const NEWER: &str = include_str!("../data/PlaybackEvent.newer.avsc");

#[test]
fn every_schema_goes_with_all_that_were_released() {
    let checks = check_all();
    assert_eq!(checks.len(), 16);
    for check in checks {
        assert_eq!(check.errors, [], "{}", check.record);
        assert!(!check.versions.is_empty(), "{} was never released", check.record);
    }
}

#[test]
fn additions_with_defaults_may_be_released() {
    let released = [Released { version: 1, schema: PlaybackEvent::SCHEMA }];
    assert_eq!(check_full_transitive(NEWER, &released), Ok(()));
    assert_eq!(
        check_full_transitive(PlaybackEvent::SCHEMA, &[Released { version: 2, schema: NEWER }]).unwrap_err().len(),
        2,
        "symbols went"
    );
}

/// What is done to the fields of a schema.
type Change = fn(&mut Vec<Value>);

/// A small record, so that the messages fit a line.
fn base() -> Value {
    json!({"type": "record", "name": "R", "fields": [
        {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 16}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B", "UNKNOWN"], "default": "UNKNOWN"}},
        {"name": "frozen", "type": {"type": "enum", "name": "Frozen", "symbols": ["X", "Y"]}},
        {"name": "note", "type": ["null", "string"], "default": null},
        {"name": "inner", "type": {"type": "record", "name": "Inner", "fields": [{"name": "a", "type": "int"}]}},
    ]})
}

#[test]
fn what_may_not_be_released_is_named() {
    let changes: [(&str, Change); 14] = [
        ("removed", |fields| drop(fields.remove(1))),
        ("renamed", |fields| fields[5]["name"] = "outer".into()),
        ("millis for micros", |fields| fields[1]["type"]["logicalType"] = "timestamp-millis".into()),
        ("no time any more", |fields| fields[1]["type"] = "long".into()),
        ("another type", |fields| fields[4]["type"] = json!(["null", "long"])),
        ("promoted", |fields| fields[5]["type"]["fields"][0]["type"] = "long".into()),
        ("not optional any more", |fields| fields[4] = json!({"name": "note", "type": "string", "default": ""})),
        ("symbol removed", |fields| fields[2]["type"]["symbols"] = json!(["A", "UNKNOWN"])),
        ("symbols reordered", |fields| fields[2]["type"]["symbols"] = json!(["B", "A", "UNKNOWN"])),
        ("symbol put in front", |fields| fields[2]["type"]["symbols"] = json!(["C", "A", "B", "UNKNOWN"])),
        ("symbol without default", |fields| fields[3]["type"]["symbols"] = json!(["X", "Y", "Z"])),
        ("size", |fields| fields[0]["type"]["size"] = 8.into()),
        ("order", |fields| fields.swap(0, 4)),
        ("added without default", |fields| fields.push(json!({"name": "more", "type": "long"}))),
    ];
    let released = base().to_string();
    let mut found = String::new();
    for (what, change) in changes {
        let mut new = base();
        change(new["fields"].as_array_mut().unwrap());
        let errors = check_full_transitive(&new.to_string(), &[Released { version: 3, schema: &released }]).expect_err(what);
        for error in errors {
            found += &format!("{what}: {error}\n");
        }
    }
    expect![[r#"
        removed: R against version 3, field at: was removed or renamed, and has no default
        renamed: R against version 3, field inner: was removed or renamed, and has no default
        renamed: R against version 3, field outer: was added without a default
        millis for micros: R against version 3, field at: the type is long (timestamp-millis), was long (timestamp-micros)
        no time any more: R against version 3, field at: the type is long, was long (timestamp-micros)
        another type: R against version 3, field note: the type is long, was string
        promoted: R against version 3, field inner.a: the type is long, was int
        not optional any more: R against version 3, field note: the type is string, was [null, string]
        symbol removed: R against version 3, field kind: symbol B was removed
        symbols reordered: R against version 3, field kind: the symbols are in another order: new ones go to the end
        symbol put in front: R against version 3, field kind: the symbols are in another order: new ones go to the end
        symbol without default: R against version 3, field frozen: symbols added to an enum without default, which older readers can't read
        size: R against version 3, field id: the size is 8, was 16
        order: R against version 3, field note: the order of fields was changed: note stands where id was
        added without default: R against version 3, field more: was added without a default
    "#]]
    .assert_eq(&found);
}

#[test]
fn a_field_with_a_default_may_go() {
    let released = base().to_string();
    let mut new = base();
    new["fields"].as_array_mut().unwrap().remove(4);
    assert_eq!(check_full_transitive(&new.to_string(), &[Released { version: 1, schema: &released }]), Ok(()));
}
