//! The first question of clickhouse-go over HTTP. It reads the answer as one of the newest revision of the native protocol, and everything
//! afterwards in the revision that the answer names; the engine writes revision 0 only. So this one answer is made by hand.

use crate::engine::About;

const QUESTION: &[u8] = b"SELECT displayName(), version(), revision(), timezone()";

/// Whether it is that question, of a client that reads the newest revision.
pub(crate) fn is_hello(statement: &[u8], client_protocol_version: Option<u64>) -> bool {
    statement == QUESTION && client_protocol_version.is_some_and(|version| version > 0)
}

/// A block in the native format of a revision that has block infos and kinds of serialisation.
pub(crate) fn answer(about: &About) -> Vec<u8> {
    let mut block = vec![1, 0, 2];
    block.extend((-1_i32).to_le_bytes());
    block.push(0);
    block.extend([4, 1]);
    let mut column = |name: &str, kind: &str, value: &[u8]| {
        string(&mut block, name);
        string(&mut block, kind);
        block.push(0);
        block.extend_from_slice(value);
    };
    let text = |text: &str| {
        let mut value = Vec::new();
        string(&mut value, text);
        value
    };
    column("displayName()", "String", &text(&about.display_name));
    column("version()", "String", &text(&about.version));
    column("revision()", "UInt32", &0_u32.to_le_bytes());
    column("timezone()", "String", &text(&about.timezone));
    block
}

fn string(block: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    while length >= 0x80 {
        block.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    block.push(length as u8);
    block.extend_from_slice(text.as_bytes());
}
