//! Statements that reach beyond the tables: to files, to the network, to other programs, or to the process itself. The engine's own grants know only
//! one user, and do not cover all of it (`file()` as a scalar function, INTO OUTFILE, sources of dictionaries).

use super::Words;
use super::lexer::{Lexer, Token, TokenKind};
use super::settings::{QUERY_NAME, is_reaching, settings};
use super::source::reaching_source;
use crate::Rights;

/// Why a statement is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody may: it would end the process that the engine lives in.
    EndsTheProcess,
    /// Nobody may set this: it is how a query is found again.
    SetsItsName,
    /// Only an owner may. What it needs, in words.
    OwnersOnly(String),
    /// Whoever may only read may not.
    ReadersMayNot,
    /// Only an owner may write in a way in which it is easily misread. What is meant, in words.
    Misleading(&'static str),
}

/// First words of statements that reading takes.
const READING: &[&str] = &["SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "USE", "SET", "CHECK"];

/// First words of statements that work on tables. All others are an owner's.
const WORKING: &[&str] = &[
    "INSERT", "CREATE", "ALTER", "DROP", "UNDROP", "RENAME", "EXCHANGE", "REPLACE", "TRUNCATE", "OPTIMIZE", "DELETE", "UPDATE", "KILL",
    "DETACH", "ATTACH", "SYSTEM", "WATCH", "BEGIN", "COMMIT", "ROLLBACK", "GRANT", "REVOKE",
];

/// Functions, of tables and of values, that read or write elsewhere.
const REACHING: &[&str] = &[
    "file",
    "fileCluster",
    "url",
    "urlCluster",
    "s3",
    "s3Cluster",
    "gcs",
    "oss",
    "cosn",
    "azureBlobStorage",
    "azureBlobStorageCluster",
    "hdfs",
    "hdfsCluster",
    "remote",
    "remoteSecure",
    "cluster",
    "clusterAllReplicas",
    "mysql",
    "postgresql",
    "mongodb",
    "redis",
    "sqlite",
    "odbc",
    "jdbc",
    "executable",
    "executablePool",
    "iceberg",
    "icebergS3",
    "icebergAzure",
    "icebergHDFS",
    "icebergLocal",
    "icebergCluster",
    "icebergS3Cluster",
    "icebergAzureCluster",
    "icebergHDFSCluster",
    "icebergLocalCluster",
    "deltaLake",
    "deltaLakeS3",
    "deltaLakeAzure",
    "deltaLakeLocal",
    "deltaLakeCluster",
    "deltaLakeS3Cluster",
    "deltaLakeAzureCluster",
    "hudi",
    "hudiCluster",
    "paimon",
    "paimonS3",
    "paimonAzure",
    "paimonHDFS",
    "paimonLocal",
    "paimonCluster",
    "paimonS3Cluster",
    "paimonAzureCluster",
    "paimonHDFSCluster",
    "ytsaurus",
    "arrowFlight",
    "python",
    "chdb",
    "kafka",
    "nats",
    "rabbitmq",
    "catboostEvaluate",
    "hive",
    "meiliMatch",
    "eval",
    "filesystem",
    "arrowstream",
    "aiClassify",
    "aiEmbed",
    "aiExtract",
    "aiGenerate",
    "aiTranslate",
];

/// Engines of tables that keep their data in the folder, and read no other place.
pub(crate) const TABLE_ENGINES: &[&str] = &[
    "MergeTree",
    "ReplacingMergeTree",
    "SummingMergeTree",
    "AggregatingMergeTree",
    "CollapsingMergeTree",
    "VersionedCollapsingMergeTree",
    "CoalescingMergeTree",
    "GraphiteMergeTree",
    "Memory",
    "Log",
    "TinyLog",
    "StripeLog",
    "Null",
    "Set",
    "Join",
    "Buffer",
    "View",
    "MaterializedView",
    "LiveView",
    "WindowView",
    "Dictionary",
    "Merge",
    "GenerateRandom",
    "EmbeddedRocksDB",
    "Alias",
];

/// The same of databases.
const DATABASE_ENGINES: &[&str] = &["Atomic", "Overlay", "Ordinary", "Lazy", "Replicated"];

/// Why somebody with these rights may not have `text` carried out. None where they may.
pub(crate) fn refusal(text: &[u8], rights: Rights) -> Option<Refusal> {
    let mut lexer = Lexer::new(text);
    let tokens: Vec<Token> = lexer.by_ref().collect();
    let words = Words { text, tokens: &tokens };
    let first = (0..tokens.len()).find(|at| !words.is_sign(*at, b'('))?;
    // The statement, or another one that it is to run with.
    let begins = |at: usize| at == first || words.is(at - 1, "WITH");
    let ends_it = |at: usize| begins(at) && words.is(at, "SYSTEM") && ["SHUTDOWN", "KILL"].iter().any(|word| words.is(at + 1, word));
    if (first..tokens.len()).any(ends_it) {
        return Some(Refusal::EndsTheProcess);
    }
    if settings(&words).any(|(name, _)| name == QUERY_NAME) {
        return Some(Refusal::SetsItsName);
    }
    let begins_with = |all: &[&str]| all.iter().any(|word| words.is(first, word));
    let is_reading = begins_with(READING);
    if rights == Rights::Read && !is_reading {
        return Some(Refusal::ReadersMayNot);
    }
    if rights == Rights::Owner {
        return None;
    }
    if let Some(problem) = misleading(&words, lexer.has_foreign_blanks()) {
        return Some(Refusal::Misleading(problem));
    }
    // A statement that no list knows may be a mistake, which the engine explains better; those that are known to reach out are named.
    let is_reaching = ["BACKUP", "RESTORE", "COPY", "SNAPSHOT", "EXECUTE", "MOVE"].iter().any(|word| words.is(first, word));
    if is_reaching || (!is_reading && !begins_with(WORKING) && words.is(first + 1, "TO")) {
        return Some(Refusal::OwnersOnly(String::from_utf8_lossy(words.bytes(first)).to_uppercase()));
    }
    anywhere(&words).map(Refusal::OwnersOnly)
}

/// What a piece of SQL reaches beyond the tables.
pub(super) fn reaches(text: &[u8]) -> Option<String> {
    let mut lexer = Lexer::new(text);
    let tokens: Vec<Token> = lexer.by_ref().collect();
    let words = Words { text, tokens: &tokens };
    misleading(&words, lexer.has_foreign_blanks()).map(str::to_owned).or_else(|| anywhere(&words))
}

fn anywhere(words: &Words<'_>) -> Option<String> {
    if let Some((name, _)) = settings(words).find(|(name, _)| is_reaching(name)) {
        return Some(format!("the setting {name}"));
    }
    (0..words.tokens.len()).find_map(|at| reaching(words, at))
}

/// What a statement has that the engine reads, and that is not needed to write one: a step beyond the rules of its lexer, would these ever be another.
fn misleading(words: &Words<'_>, has_foreign_blanks: bool) -> Option<&'static str> {
    let is_foreign = |at: usize| {
        let bytes = words.bytes(at);
        let is_quoted = matches!(bytes.first(), Some(b'\'' | b'"' | b'`' | b'$'));
        !is_quoted && !bytes.is_ascii()
    };
    if has_foreign_blanks || (0..words.tokens.len()).any(is_foreign) {
        return Some("characters beyond ASCII stand outside of quotes");
    }
    let is_escaped = |at: usize| words.tokens[at].kind == TokenKind::QuotedName && words.bytes(at).contains(&b'\\');
    (0..words.tokens.len()).any(is_escaped).then_some("a quoted name has a backslash in it")
}

/// What at a place reaches beyond the tables.
fn reaching(words: &Words<'_>, at: usize) -> Option<String> {
    for pair in [("INTO", "OUTFILE"), ("FROM", "INFILE"), ("NAMED", "COLLECTION"), ("PARALLEL", "WITH")] {
        if words.is(at, pair.0) && words.is(at + 1, pair.1) {
            return Some(format!("{} {}", pair.0, pair.1));
        }
    }
    if words.is_sign(at + 1, b'(')
        && let Some(name) = words.name(at)
    {
        if REACHING.iter().any(|function| function.eq_ignore_ascii_case(&name)) && !is_name_of_a_table(words, at) {
            return Some(format!("{name}()"));
        }
        if name.eq_ignore_ascii_case("disk") && !is_name_of_a_table(words, at) {
            return Some("disk()".to_owned());
        }
        if name.eq_ignore_ascii_case("source")
            && let Some(source) = reaching_source(words, at)
        {
            return Some(source);
        }
    }
    if words.is(at, "ENGINE") {
        let name = words.name(if words.is_sign(at + 1, b'=') { at + 2 } else { at + 1 })?;
        let is_word_of_a_statement = words.is(at + 1, "ON") || words.is(at + 1, "FROM");
        let is_named = words.is_sign(at + 1, b'=') || name.chars().next().is_some_and(char::is_uppercase);
        if is_named
            && !is_word_of_a_statement
            && !TABLE_ENGINES.iter().chain(DATABASE_ENGINES).any(|engine| engine.eq_ignore_ascii_case(&name))
        {
            return Some(format!("ENGINE = {name}"));
        }
    }
    None
}

/// Whether a name before a parenthesis is that of a table whose columns follow: `INSERT INTO url (...)`, `CREATE TABLE IF NOT EXISTS db.url (...)`.
fn is_name_of_a_table(words: &Words<'_>, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return false };
    if words.is_sign(before, b'.') {
        // `1.` is a number.
        let qualifier = before.checked_sub(1).and_then(|at| words.name(at));
        return qualifier.is_some_and(|name| !name.starts_with(|first: char| first.is_ascii_digit()));
    }
    let creates = words.is(0, "CREATE") && words.is(before, "TABLE");
    let creates_if_missing =
        words.is(0, "CREATE") && at >= 3 && ["IF", "NOT", "EXISTS"].iter().zip(at - 3..).all(|(word, at)| words.is(at, word));
    creates || creates_if_missing || (words.is(0, "INSERT") && at == 2 && words.is(before, "INTO"))
}
