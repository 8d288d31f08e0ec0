//! What the URL says beside the statement.

use std::io::Write as _;

use crate::support::{Reply, encoded, read_reply, shared};

#[test]
fn settings_and_databases_are_the_request_s_own() {
    let server = shared("settings");
    server.query("CREATE TABLE settings.t (a UInt8) ENGINE = Memory");
    let setting = "SELECT getSetting('max_block_size'), currentDatabase()";
    assert_eq!(server.post("/?max_block_size=11&database=settings", setting).text(), "11\tsettings\n");
    assert_eq!(server.query(setting), "65409\tdefault\n");
    assert_eq!(
        server
            .ask("POST", "/", &["X-ClickHouse-Database: settings", "X-ClickHouse-Format: JSONEachRow"], b"SELECT count() AS n FROM t")
            .text(),
        "{\"n\":0}\n"
    );
    assert_eq!(server.post("/?default_format=JSONEachRow", "SELECT 1 AS n").text(), "{\"n\":1}\n");
    assert_eq!(server.post("/?default_format=JSONEachRow", "SELECT 1 AS n FORMAT TSV").text(), "1\n");
    assert_eq!(server.post(&format!("/?query={}", encoded("SELECT 1 +")), "1").text(), "2\n");
}

#[test]
fn parameters_come_by_the_url_or_a_form() {
    let server = shared("parameters");
    let statement = "SELECT {n:UInt8} + 1, {s:String}, {l:Array(String)}";
    let text = "it's \"quoted\" \u{fc}";
    let path = format!("/?param_n=41&param_s={}&param_l={}", encoded(text), encoded("['a','b\\'c']"));
    assert_eq!(server.post(&path, format!("{statement} FORMAT TSVRaw")).text(), format!("42\t{text}\t['a','b\\'c']\n"));
    let mut form = String::new();
    for (name, value) in [("query", statement), ("param_n", "41"), ("param_s", text), ("param_l", "[]")] {
        form.push_str(&format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    form.push_str("--b--\r\n");
    let reply = server.ask("POST", "/?default_format=TSVRaw", &["Content-Type: multipart/form-data; boundary=b"], form.as_bytes());
    assert_eq!(reply.text(), format!("42\t{text}\t[]\n"));
}

#[test]
fn a_session_keeps_what_its_statements_set_and_nothing_else() {
    let server = shared("sessions");
    let ask = |more: &str, statement: &str| server.post(&format!("/?session_id=sessions{more}"), statement).text();
    assert_eq!(ask("", "SET max_block_size = 22"), "");
    assert_eq!(ask("&database=sessions", "CREATE TEMPORARY TABLE mine (a UInt8)"), "");
    assert_eq!(ask("", "INSERT INTO mine VALUES (7)"), "");
    let all = "SELECT a, getSetting('max_block_size'), getSetting('max_threads') = 3, currentDatabase() FROM mine";
    assert_eq!(ask("&max_block_size=33&max_threads=3&database=sessions", all), "7\t33\t1\tsessions\n");
    assert_eq!(ask("&session_check=1", all), "7\t22\t0\tdefault\n");
    // A mistake does not end it, nor does a GET make it one that may only read.
    assert!(ask("", "SELECT nosuch").starts_with("Code: 47."));
    assert_eq!(server.ask("GET", &format!("/?session_id=sessions&query={}", encoded("SELECT a FROM mine")), &[], b"").text(), "7\n");
    assert_eq!(ask("", "INSERT INTO mine VALUES (8)"), "");
    assert_eq!(ask("&database=default", "USE sessions"), "");
    assert_eq!(ask("&close_session=1", "SELECT count(), currentDatabase() FROM mine"), "2\tsessions\n");
    assert!(ask("&session_check=1", "SELECT 1").starts_with("Code: 372."));
}

#[test]
fn a_session_is_for_one_request_at_a_time() {
    let server = shared("sessions_locked");
    let mut stream = server.connect();
    let statement = "SELECT sleepEachRow(1) FROM numbers(600) SETTINGS max_block_size = 1 FORMAT JSON";
    let path = "/?session_id=locked&query_id=locked";
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{statement}",
        statement.len()
    )
    .unwrap();
    while server.query("SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'locked'") == "0\n" {}
    assert!(server.post("/?session_id=locked", "SELECT 1").text().starts_with("Code: 373."));
    assert!(server.post("/?query_id=locked", "SELECT 1").text().starts_with("Code: 216."));
    server.query("KILL QUERY WHERE Settings['log_comment'] = 'locked' SYNC");
    let reply = read_reply(&mut stream);
    assert_eq!((reply.status, reply.header("x-clickhouse-exception-code")), (500, Some("394")));
    assert_eq!(server.post("/?session_id=locked", "SELECT 1").text(), "1\n");
}

fn code(reply: &Reply) -> Option<&str> {
    reply.header("x-clickhouse-exception-code")
}

#[test]
fn no_setting_reaches_a_file() {
    let server = shared("settings_files");
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "kept apart").unwrap();
    let file = secret.to_str().unwrap();
    let filter = format!("throwIf(file('{file}') = 'kept apart')");
    for (name, value, statement) in [
        ("format_template_row", file, "SELECT 1 FORMAT Template"),
        ("format_template_resultset", file, "SELECT 1 FORMAT Template"),
        ("format_schema", file, "SELECT 1 AS a FORMAT Protobuf"),
        ("output_format_schema", file, "SELECT 1 AS a FORMAT Protobuf"),
        ("additional_result_filter", &filter, "SELECT 1"),
        ("implicit_table_at_top_level", "x", "SELECT 1"),
        ("dialect", "kusto", "SELECT 1"),
    ] {
        let in_statement = format!("{statement} SETTINGS \"{name}\" = '{}'", value.replace('\'', "''"));
        let set = format!("SET max_threads = 1, {name} = '{}'", value.replace('\'', "''"));
        for reply in
            [server.post(&format!("/?{name}={}", encoded(value)), statement), server.post("/", in_statement), server.post("/", set)]
        {
            assert_eq!((reply.status, code(&reply)), (403, Some("497")), "{name}: {}", reply.text());
            assert!(reply.text().contains(&format!("the setting {name} reaches beyond")), "{}", reply.text());
        }
        let insert = format!("INSERT INTO FUNCTION null('a String') SETTINGS {name} = 'x' FORMAT TSV");
        assert_eq!(code(&server.post(&format!("/?query={}", encoded(&insert)), "")), Some("497"), "{name}");
    }
    let inline = "SELECT 1 AS a FORMAT Template SETTINGS format_template_row_format = '<${a:CSV}>'";
    assert_eq!(server.query(inline), "<1>");
    assert_eq!(server.query("SELECT 1 AS format_schema WHERE format_schema = 1 SETTINGS max_threads = 1"), "1\n");
}

/// Every setting of this library that is a text was looked at: those that are allowed read no file, hold no SQL and call nobody.
#[test]
fn each_setting_that_is_a_text_is_judged() {
    const HARMLESS: &[&str] = &[
        "bool_false_representation",
        "bool_true_representation",
        "chdb_client_name",
        "column_names_for_schema_inference",
        "compatibility",
        "count_distinct_implementation",
        "default_view_definer",
        "distributed_plan_force_exchange_kind",
        "errors_output_format",
        "exclude_materialize_skip_indexes_on_insert",
        "force_data_skipping_indices",
        "force_optimize_projection_name",
        "format_csv_delimiter",
        "format_csv_null_representation",
        "format_custom_field_delimiter",
        "format_custom_result_after_delimiter",
        "format_custom_result_before_delimiter",
        "format_custom_row_after_delimiter",
        "format_custom_row_before_delimiter",
        "format_custom_row_between_delimiter",
        "format_json_object_each_row_column_for_object_name",
        "format_regexp",
        "format_template_resultset_format",
        "format_template_row_format",
        "format_template_rows_between_delimiter",
        "format_tsv_null_representation",
        "function_implementation",
        "http_response_headers",
        "iceberg_metadata_compression_method",
        "ignore_data_skipping_indices",
        "input_format_hive_text_collection_items_delimiter",
        "input_format_hive_text_fields_delimiter",
        "input_format_hive_text_map_keys_delimiter",
        "input_format_mysql_dump_table_name",
        "input_format_orc_reader_time_zone_name",
        "insert_deduplication_token",
        "local_filesystem_read_method",
        "log_comment",
        "metrics_perf_events_list",
        "network_compression_method",
        "output_format_avro_codec",
        "output_format_avro_confluent_subject",
        "output_format_avro_string_column_pattern",
        "output_format_image_terminal_mode",
        "output_format_orc_writer_time_zone_name",
        "output_format_pretty_grid_charset",
        "output_format_sql_insert_table_name",
        "preferred_optimize_projection_name",
        "promql_database",
        "promql_table",
        "query_cache_tag",
        "remote_filesystem_read_method",
        "schema_inference_hints",
        "send_logs_source_regexp",
        "session_timezone",
        "temporary_files_codec",
        "trace_profile_events_list",
        "workload",
    ];
    let server = shared("settings_judged");
    let all = server
        .query("SELECT name FROM system.settings WHERE type IN ('String', 'Map', 'URI', 'Char', 'Timezone', 'Dialect') ORDER BY name");
    let allowed: Vec<&str> = all.lines().filter(|name| code(&server.post(&format!("/?{name}=x"), "SELECT 1")) != Some("497")).collect();
    assert_eq!(allowed, HARMLESS);
}

#[test]
fn a_query_keeps_the_name_by_which_it_is_cancelled() {
    let server = shared("settings_names");
    for statement in ["SELECT 1 SETTINGS log_comment = 'x'", "SET max_threads = 1, `log_comment` = 'x'"] {
        let reply = server.post("/", statement);
        assert_eq!((reply.status, code(&reply)), (500, Some("452")), "{statement}: {}", reply.text());
    }
    assert_eq!(server.post("/?query_id=named&log_comment=x", "SELECT getSetting('log_comment')").text(), "named\n");
}

#[test]
fn nobody_lifts_the_bound_of_an_answer_that_is_held() {
    let server = shared("settings_bounds");
    let held = "SELECT getSetting('max_result_bytes') AS bytes FORMAT JSONCompact";
    let bound = |more: &str| server.post(&format!("/?{more}"), held).text().contains("1073741824");
    assert!(bound("") && bound("max_result_bytes=0") && bound("max_result_bytes=2000000000") && bound("max_result_bytes=00"));
    assert!(!bound("max_result_bytes=1000000") && !bound("max_result_bytes=1000000&session_id=settings_bounds"));
    for value in ["0", "'0'", "1073741825", "DEFAULT", "1e12"] {
        let reply = server.post("/", format!("SELECT 1 FORMAT JSON SETTINGS max_threads = 1, max_result_bytes = {value}"));
        assert_eq!(code(&reply), Some("452"), "{value}: {}", reply.text());
    }
    assert_eq!(server.query("SELECT 1 FORMAT TSV SETTINGS max_result_bytes = 0"), "1\n");
    assert_eq!(server.post("/", "SELECT 1 FORMAT JSON SETTINGS max_result_bytes = 1000").status, 200);
    // A session's own is not changed by it.
    let ask = |statement: &str| server.post("/?session_id=settings_bounds", statement).text();
    ask("SET max_result_bytes = 12345");
    ask(held);
    assert_eq!(ask("SELECT getSetting('max_result_bytes')"), "12345\n");
}

#[test]
fn a_user_has_so_many_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let server = crate::support::TestServer::start(folder.path(), None);
    let ask = |number: usize, more: &str| server.post(&format!("/?session_id=s{number}{more}"), "SELECT 1");
    assert!((0..100).all(|number| ask(number, "").status == 200));
    let reply = ask(100, "");
    assert_eq!(code(&reply), Some("202"), "{}", reply.text());
    assert_eq!(ask(7, "&close_session=1").status, 200);
    assert_eq!(ask(100, "").status, 200);
}
