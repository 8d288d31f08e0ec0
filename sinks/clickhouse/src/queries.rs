//! What people look at: statements with parameters, as ClickHouse takes them (`param_from_day=2026-01-01` in the URL).

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The file's name, without ending.
    pub name: &'static str,
    /// The statement; its first line says what it answers.
    pub sql: &'static str,
}

macro_rules! queries {
    ($($name:literal),* $(,)?) => {
        &[$(Query { name: $name, sql: include_str!(concat!("../queries/", $name, ".sql")) }),*]
    };
}

/// All of them.
pub const QUERIES: &[Query] = queries! {
    "startup_by_minute",
    "stalls_by_minute",
    "concurrent_viewers_by_minute",
    "concurrent_viewers_of_title",
    "qos_by_day",
    "qos_by_day_and_country",
    "qos_by_day_and_device_type",
    "qos_by_day_and_cdn",
    "qos_by_day_and_title_id",
    "errors_by_code",
    "worst_sessions",
};

#[cfg(test)]
mod tests {
    use super::QUERIES;

    /// Minutes and days are those of UTC, whatever clock the server shows.
    #[test]
    fn none_hangs_on_the_servers_time_zone() {
        for query in QUERIES {
            assert!(!query.sql.contains(":DateTime}"), "{}: a time without its zone", query.name);
            for (at, _) in query.sql.match_indices("toDate(") {
                let call = query.sql[at..].split_once("')").map_or("", |(call, _)| call);
                assert!(query.sql[at..].contains(", 'UTC')") && !call.contains('\n'), "{}: a day without its zone", query.name);
            }
        }
    }
}
