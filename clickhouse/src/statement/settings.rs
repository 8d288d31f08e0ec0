//! Settings that a statement or a URL may not set: by some a format reads files, some are SQL themselves, and one is how this server finds a query
//! again.

use super::Words;

/// Settings through which a statement reaches beyond the tables, or that hold a piece of SQL, or say in which language the rest is.
const REACHING: &[&str] = &[
    "additional_result_filter",
    "additional_table_filters",
    "ai_function_embedding_default_credentials",
    "ai_function_text_default_credentials",
    "allow_introspection_functions",
    "cluster_for_parallel_replicas",
    "dialect",
    "distributed_cache_file_cache_name",
    "filesystem_cache_name",
    "format_avro_schema_registry_url",
    "format_schema",
    "format_schema_message_name",
    "format_schema_source",
    "format_template_resultset",
    "format_template_row",
    "implicit_table_at_top_level",
    "input_format_record_errors_file_path",
    "output_format_schema",
    "parallel_replicas_custom_key",
    "polyglot_dialect",
    "rename_files_after_processing",
    "s3queue_default_zookeeper_path",
    "stream_like_engine_insert_queue",
    "url_base",
];

/// What a query is called: by it a query that runs is found again, and cancelled.
pub(crate) const QUERY_NAME: &str = "log_comment";

/// Whether a setting reaches beyond the tables.
pub(crate) fn is_reaching(name: &str) -> bool {
    REACHING.contains(&name)
}

/// What bounds an answer that is fetched whole.
pub(crate) const RESULT_BOUND: &str = "max_result_bytes";

/// Whether a value is a bound at all, and none above `most`: 0 would be none.
pub(crate) fn is_bound(value: &[u8], most: u64) -> bool {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
    number.is_some_and(|number| (1..=most).contains(&number))
}

/// Whether a statement sets the bound of its answer, somewhere in it, above `most`.
pub(super) fn lifts_bound(words: &Words<'_>, most: u64) -> bool {
    settings(words).any(|(name, at)| name == RESULT_BOUND && !is_bound(words.bytes(at), most))
}

/// What a statement sets: the name of a setting, and the place of its value. Equations that follow SETTINGS in a WHERE are among them.
pub(super) fn settings<'a>(words: &'a Words<'_>) -> impl Iterator<Item = (String, usize)> + 'a {
    let is_start = |at: &usize| ["SETTINGS", "SETTING", "SET"].iter().any(|word| words.is(*at, word));
    let start = (0..words.tokens.len()).find(is_start).unwrap_or(words.tokens.len());
    (start..words.tokens.len()).filter(|at| words.is_sign(at + 1, b'=')).filter_map(|at| Some((words.name(at)?, at + 2)))
}
