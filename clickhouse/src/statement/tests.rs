use super::*;
use crate::Rights;

fn data(text: &str) -> String {
    match find_insert(text.as_bytes(), true) {
        Ok(Data::Follow(Insert { head_end, format, data_start })) => {
            format!("{} | {format} | {}", &text[..head_end], &text[data_start..])
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn data_of_an_insert_begin_where_clickhouse_has_them_begin() {
    for (text, expected) in [
        ("INSERT INTO t FORMAT CSV\n1,2\n", "INSERT INTO t  | CSV | 1,2\n"),
        ("INSERT INTO t FORMAT CSV \t\r\n\n1,2\n", "INSERT INTO t  | CSV | \n1,2\n"),
        ("INSERT INTO t FORMAT CSV 1,2", "INSERT INTO t  | CSV | 1,2"),
        (
            "insert into db.t (a, `b)`) settings x=1, y='FORMAT' format JSONEachRow\n{}",
            "insert into db.t (a, `b)`) settings x=1, y='FORMAT'  | JSONEachRow | {}",
        ),
        ("INSERT INTO t VALUES (1),('FORMAT CSV')", "INSERT INTO t  | Values |  (1),('FORMAT CSV')"),
        ("INSERT INTO t(a)VALUES(1)", "INSERT INTO t(a) | Values | (1)"),
        ("INSERT INTO t (a)\n(1),(2)", "INSERT INTO t (a)\n | Values | (1),(2)"),
        ("INSERT INTO t", "INSERT INTO t | Values | "),
        ("INSERT INTO t SELECT 1", "Ok(None)"),
        ("INSERT INTO t (a) (SELECT 1)", "Ok(None)"),
        ("INSERT INTO t WITH 1 AS x SELECT x", "Ok(None)"),
        ("INSERT INTO t SELECT a FROM input('a Int8') FORMAT TSV\n1\n", "Ok(OfInput)"),
        ("WITH 1 AS x INSERT INTO t SELECT a FROM `input` ('a Int8') FORMAT TSV\n1\n", "Ok(OfInput)"),
        ("INSERT INTO input (a) SELECT 1", "Ok(None)"),
        ("INSERT INTO t FROM INFILE 'x' FORMAT CSV", "Ok(None)"),
        ("INSERT INTO FUNCTION file('x', 'CSV') VALUES (1)", "INSERT INTO FUNCTION file('x', 'CSV')  | Values |  (1)"),
        ("INSERT INTO TABLE t FORMAT `Native`\nx", "INSERT INTO TABLE t  | Native | x"),
        ("-- INSERT\nSELECT 1", "Ok(None)"),
        ("/* x */ INSERT INTO t FORMAT TSV\n", "/* x */ INSERT INTO t  | TSV | "),
        ("INSERT INTO t FORMAT CSV;\n1", "Err(\"You have excessive ';' symbol before data for INSERT\")"),
    ] {
        assert_eq!(data(text), expected, "{text}");
    }
}

#[test]
fn it_is_not_clear_before_enough_of_it_has_come() {
    let text = b"INSERT INTO t (a, b) FORMAT CSV\r\n1,2";
    for length in 0..text.len() {
        let found = find_insert(&text[..length], false).unwrap();
        let is_clear = length >= text.len() - 3;
        assert_eq!(matches!(found, Data::Follow(_)), is_clear, "{:?}: {found:?}", String::from_utf8_lossy(&text[..length]));
    }
    assert_eq!(find_insert(b"INSERT INTO t (", false), Ok(Data::Unclear));
    assert_eq!(find_insert(b"INSERT INTO t (a) (", false), Ok(Data::Unclear));
    assert_eq!(find_insert(b"INSERT ", false), Ok(Data::Unclear));
    assert_eq!(find_insert(b"SELECT 1", false), Ok(Data::Unclear));
    assert_eq!(find_insert(b"SELECT 1 ", false), Ok(Data::None));
}

#[test]
fn a_statement_has_a_kind_and_a_format() {
    for (text, kind, format) in [
        ("SELECT 1", Kind::Select, None),
        ("SELECT 1 FORMAT JSON;", Kind::Select, Some("JSON")),
        ("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", Kind::Select, Some("JSON")),
        ("SELECT format FROM t", Kind::Select, None),
        ("SELECT (SELECT 1 FORMAT JSON), 'FORMAT CSV' -- FORMAT XML", Kind::Select, None),
        ("((SELECT 1)) FORMAT CSV", Kind::Select, Some("CSV")),
        ("WITH 1 AS x SELECT x", Kind::Select, None),
        ("WITH 1 AS x INSERT INTO t SELECT x", Kind::Other, None),
        ("FROM t SELECT a", Kind::Select, None),
        ("SHOW TABLES FORMAT TSV", Kind::Other, Some("TSV")),
        ("USE db", Kind::Use, None),
        ("  -- nothing\n;;", Kind::Empty, None),
    ] {
        let statement = Statement::of(text.as_bytes()).unwrap();
        assert_eq!((statement.kind, statement.format.as_deref()), (kind, format), "{text}");
    }
    assert_eq!(Statement::of(b"SELECT 1; -- the end\n").unwrap().text, b"SELECT 1");
    assert_eq!(Statement::of(b"SELECT ';' /* ; */"), Statement::of(b"SELECT ';'"));
    assert_eq!(Statement::of(b"SELECT 1; SELECT 2"), Err(8));
    assert_eq!(Statement::of(b"SELECT $x$;$x$; x"), Err(14));
}

#[test]
fn what_reaches_beyond_the_tables_is_refused() {
    let owners = [
        "SELECT * FROM file('x')",
        "SELECT file('/etc/passwd')",
        "SELECT * FROM `url` ('http://x')",
        "SELECT * FROM S3/* */('x')",
        "INSERT INTO FUNCTION remote('h', 'd.t') VALUES (1)",
        "SELECT 1 INTO OUTFILE 'x'",
        "SELECT 1 into/**/outfile 'x'",
        "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        "CREATE TABLE t (a Int8) ENGINE = URL('http://x', CSV)",
        "CREATE TABLE t (a Int8) ENGINE File(CSV)",
        "CREATE DATABASE d ENGINE = MySQL('h', 'd', 'u', 'p')",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(EXECUTABLE(COMMAND 'id')) LAYOUT(FLAT())",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(HTTP(URL 'x')) LAYOUT(FLAT())",
        "DESCRIBE TABLE url('http://x')",
        "CREATE TABLE t AS url('http://x', CSV)",
        "SELECT t.1.file('x')",
        "BACKUP TABLE t TO File('x')",
        "RESTORE TABLE t FROM File('x')",
        "COPY t TO 'x'",
        "CREATE NAMED COLLECTION c AS a = 1",
        "CREATE VIEW v AS SELECT * FROM mysql('a')",
        "EXPLAIN SELECT * FROM postgresql('a')",
        "CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = s3)",
        "CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(name = 'x', type = web, endpoint = 'http://x/')",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(HOST 'h' PORT 9000 TABLE 't')) LAYOUT(FLAT())",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(TABLE 't' SECURE 1)) LAYOUT(FLAT())",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(NAME c)) LAYOUT(FLAT())",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(QUERY 'SELECT file(''x'')')) LAYOUT(FLAT())",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(TABLE 't' WHERE 'f\\x69le(1)')) LAYOUT(FLAT())",
        "CREATE TABLE t (a Int8) ENGINE = Memory PARALLEL WITH BACKUP TABLE t TO File('x')",
        "SELECT * FROM eval('SELECT 1')",
        "SELECT * FROM filesystem('/')",
        "SELECT aiGenerate('x')",
    ];
    for text in owners {
        assert!(matches!(refusal(text.as_bytes(), Rights::Write), Some(Refusal::OwnersOnly(_))), "{text}");
        assert_eq!(refusal(text.as_bytes(), Rights::Owner), None, "{text}");
    }
    for text in ["SYSTEM SHUTDOWN", "system /* */ kill", "SYSTEM\nSHUTDOWN", "DROP TABLE t PARALLEL WITH SYSTEM SHUTDOWN"] {
        for rights in [Rights::Read, Rights::Write, Rights::Owner] {
            assert_eq!(refusal(text.as_bytes(), rights), Some(Refusal::EndsTheProcess), "{text}");
        }
    }
    let ours = [
        "SELECT file, url FROM t WHERE s3 = 'file(x)' -- file(x)",
        "CREATE TABLE t (a Int8) ENGINE = ReplacingMergeTree(a) ORDER BY a",
        "CREATE MATERIALIZED VIEW v ENGINE = AggregatingMergeTree ORDER BY a AS SELECT 1 AS a",
        "CREATE TABLE t (url String) ENGINE MergeTree ORDER BY url",
        "CREATE TABLE IF NOT EXISTS db.url (url String) ENGINE = Memory",
        "CREATE TABLE url (url String) ENGINE = Memory",
        "INSERT INTO `file` (a) VALUES (1)",
        "SELECT engine FROM system.tables",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(TABLE 't')) LAYOUT(FLAT())",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(QUERY 'SELECT a, ''x'' FROM d.t' USER 'default')) LAYOUT(FLAT())",
        "CREATE TABLE disk (a Int8) ENGINE = Memory",
        "ALTER TABLE t REPLACE PARTITION 1 FROM u",
        "SYSTEM RELOAD DICTIONARIES",
        "INSERT INTO t SELECT * FROM numbers(10)",
    ];
    for text in ours {
        assert_eq!(refusal(text.as_bytes(), Rights::Write), None, "{text}");
    }
    for text in ["INSERT INTO t", "DROP TABLE t", "KILL QUERY WHERE 1", "SYSTEM FLUSH LOGS", "GRANT ALL ON *.* TO x", "OPTIMIZE TABLE t"] {
        assert_eq!(refusal(text.as_bytes(), Rights::Read), Some(Refusal::ReadersMayNot), "{text}");
    }
    assert_eq!(refusal(b"(SELECT 1) UNION ALL (SELECT 2)", Rights::Read), None);
}
